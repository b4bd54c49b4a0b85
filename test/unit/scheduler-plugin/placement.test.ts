import fc from 'fast-check';
import { judgeNodes } from '../../../scheduler-plugin/filter.ts';
import { nodeFacts } from '../../../scheduler-plugin/node-facts.ts';
import { nodeReason } from '../../../scheduler-plugin/node-reason.ts';
import type { ExtenderRequest } from '../../../scheduler-plugin/protocol.ts';
import { scoreNodes } from '../../../scheduler-plugin/score.ts';
import { createVmCounts } from '../../../scheduler-plugin/vm-counts.ts';

const node = (allocatable: Record<string, string>) => ({ metadata: { name: 'a' }, status: { allocatable } });

describe('nodeFacts', () => {
  it.each([
    ['an offer of slots', { 'podvisor.dev/tcg': '110', 'podvisor.dev/kvm': '3' }, { kvm: 3, tcg: 110 }],
    ['an offer withdrawn', { 'podvisor.dev/tcg': '0' }, { kvm: 0, tcg: 0 }],
    ['a node without an agent', { cpu: '2' }, { kvm: 0, tcg: 0 }],
    ['a quantity that is no count', { 'podvisor.dev/tcg': '1.5', 'podvisor.dev/kvm': '-1' }, { kvm: 0, tcg: 0 }],
  ])('reads %s', (_title, allocatable, slots) => {
    expect(nodeFacts(node(allocatable))).toEqual({ name: 'a', slots });
  });

  it('a node without a status offers nothing', () => {
    expect(nodeFacts({})).toEqual({ name: '', slots: { kvm: 0, tcg: 0 } });
  });
});

describe('nodeReason', () => {
  const offersTcg = { name: 'a', slots: { kvm: 0, tcg: 1 } };

  it.each([
    ['takes a node that offers the accelerator', 'tcg', offersTcg, /^$/],
    ['refuses a node that offers the other one only', 'kvm', offersTcg, /no Podvisor agent offers podvisor\.dev\/kvm/],
    ['refuses a node it has not seen', 'tcg', undefined, /not yet known/],
  ] as const)('%s', (_title, accelerator, facts, reason) => {
    expect(nodeReason({ accelerator }, facts)).toMatch(reason);
  });
});

describe('judgeNodes', () => {
  const request: ExtenderRequest = { pod: {}, form: 'names', candidates: [{ name: 'a' }, { name: 'b' }] };

  it('judges each node asked about, in order', () => {
    const lookup = (name: string) => (name === 'a' ? { name, slots: { kvm: 0, tcg: 1 } } : undefined);
    const verdicts = judgeNodes(request, { ok: true, guest: { accelerator: 'tcg' } }, lookup);
    expect(verdicts.map((verdict) => [verdict.candidate.name, verdict.reason === ''])).toEqual([
      ['a', true],
      ['b', false],
    ]);
  });

  it('refuses every node, with one text, when the GuestSpec cannot be read', () => {
    const verdicts = judgeNodes(request, { ok: false, reason: 'no annotation podvisor.dev/guest' }, () => undefined);
    const reasons = new Set(verdicts.map((verdict) => verdict.reason));
    expect([...reasons]).toEqual([expect.stringContaining('no annotation podvisor.dev/guest')]);
  });

  it('judges a whole node by what it says itself, not by the cache', () => {
    const object = node({ 'podvisor.dev/tcg': '1' });
    const whole: ExtenderRequest = { pod: {}, form: 'objects', candidates: [{ name: 'a', object }] };
    expect(judgeNodes(whole, { ok: true, guest: { accelerator: 'tcg' } }, () => undefined)[0]?.reason).toBe('');
  });
});

describe('scoreNodes', () => {
  it('prefers the node with the fewest VMs, one point a VM', () => {
    const counts: Record<string, number> = { a: 3, b: 1, c: 30 };
    expect(scoreNodes([{ name: 'a' }, { name: 'b' }, { name: 'c' }], (name) => counts[name] ?? 0)).toEqual([
      { Host: 'a', Score: 8 },
      { Host: 'b', Score: 10 },
      { Host: 'c', Score: 0 },
    ]);
  });

  it('always answers one integer from 0 to 10 a node', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { maxLength: 50 }), (counts) => {
        const scores = scoreNodes(
          counts.map((_, index) => ({ name: String(index) })),
          (name) => counts[Number(name)] ?? 0,
        );
        expect(scores).toHaveLength(counts.length);
        for (const { Score } of scores) expect(Number.isInteger(Score) && Score >= 0 && Score <= 10).toBe(true);
      }),
    );
  });
});

describe('createVmCounts', () => {
  it('agrees with a recount after any sequence of changes', () => {
    const change = fc.tuple(fc.constantFrom('p', 'q', 'r'), fc.constantFrom('a', 'b', undefined));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const counts = createVmCounts();
        const model = new Map<string, string | undefined>();
        for (const [pod, where] of changes) {
          counts.set(pod, where);
          model.set(pod, where);
        }
        for (const name of ['a', 'b']) {
          expect(counts.on(name)).toBe([...model.values()].filter((where) => where === name).length);
        }
      }),
    );
  });
});
