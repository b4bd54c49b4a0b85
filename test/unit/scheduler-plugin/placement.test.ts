import { judgeNodes, type World } from '../../../scheduler-plugin/filter.ts';
import { nodeFacts, type NodeFacts } from '../../../scheduler-plugin/node-facts.ts';
import { imageKey } from '../../../scheduler-plugin/placement/image-names.ts';
import type { ExtenderRequest, Verdict } from '../../../scheduler-plugin/protocol.ts';
import { node, wanted, world } from '../../build/placement.ts';

const rawNode = (allocatable: Record<string, string>) => ({ metadata: { name: 'a' }, status: { allocatable } });

describe('nodeFacts', () => {
  it.each([
    ['an offer of slots', { 'podvisor.dev/tcg': '110', 'podvisor.dev/kvm': '3' }, { kvm: 3, tcg: 110 }],
    ['an offer withdrawn', { 'podvisor.dev/tcg': '0' }, { kvm: 0, tcg: 0 }],
    ['a node without an agent', { cpu: '2' }, { kvm: 0, tcg: 0 }],
    ['a quantity that is no count', { 'podvisor.dev/tcg': '1.5', 'podvisor.dev/kvm': '-1' }, { kvm: 0, tcg: 0 }],
  ])('reads %s', (_title, allocatable, slots) => {
    expect(nodeFacts(rawNode(allocatable))).toMatchObject({ name: 'a', slots });
  });

  it('knows no image by the end of one and the beginning of the next', () => {
    const names = ['quay.io/a:1', 'quay.io/b:1'];
    const [first = 0, second = 0] = names.map(imageKey);
    const facts = nodeFacts({ status: { images: [{ names }] } });
    const between = ((first >>> 16) | (second << 16)) >>> 0;
    expect([first, second, between].map((key) => facts.images.has(key))).toEqual([true, true, false]);
  });

  it('knows images by any of their names, without keeping the names', () => {
    const images = [{ names: ['docker.io/library/debian@sha256:1', 'docker.io/library/debian:latest'] }, { names: null }];
    const facts = nodeFacts({ status: { images } });
    expect(['debian', 'docker.io/library/debian:latest', 'debian:12', 'quay.io/debian'].map((name) => facts.images.has(imageKey(name)))).toEqual([true, true, false, false]);
  }); // prettier-ignore

  it('a node without a status offers nothing', () => {
    expect(nodeFacts({})).toMatchObject({ name: '', slots: { kvm: 0, tcg: 0 } });
  });
});

describe('judgeNodes', () => {
  const request: ExtenderRequest = { pod: {}, names: ['a', 'b'] };
  const guest = wanted({ accelerator: 'tcg' });
  const cpu = { vendor: 'v', models: new Set<string>(), features: new Set<string>() };
  const cluster = (known: readonly NodeFacts[], fields: Partial<World> = {}): World =>
    world({ node: (name) => known.find((one) => one.name === name), nodes: () => known, cpu: () => cpu, ...fields });
  const reasons = (verdicts: readonly Verdict[]): string[] => verdicts.map(({ reason }) => reason);

  it('judges each node asked about, in order', () => {
    const verdicts = judgeNodes(request, { ok: true, guest }, cluster([node()]));
    expect(verdicts.map((verdict) => [verdict.name, verdict.reason === ''])).toEqual([
      ['a', true],
      ['b', false],
    ]);
  });

  it('refuses every node, with one text, when the GuestSpec cannot be read', () => {
    const verdicts = judgeNodes(request, { ok: false, reason: 'no annotation podvisor.dev/guest' }, cluster([]));
    expect([...new Set(reasons(verdicts))]).toEqual([expect.stringContaining('no annotation podvisor.dev/guest')]);
  });

  it('judges a node that came whole by what it knows of it itself', () => {
    const whole: ExtenderRequest = { pod: {}, names: ['a'], objects: [rawNode({ 'podvisor.dev/tcg': '0' })] };
    expect(reasons(judgeNodes(whole, { ok: true, guest }, cluster([node()])))).toEqual(['']);
  });

  describe('for a guest that must stay movable', () => {
    const movable = wanted({ accelerator: 'tcg' }, { mobility: 'require' });
    const one: ExtenderRequest = { ...request, names: ['a'] };

    it('takes a node when another one could take the guest later, also one not asked about', () => {
      expect(reasons(judgeNodes(one, { ok: true, guest: movable }, cluster([node(), node({ name: 'c' })])))).toEqual(['']);
    });

    it.each([
      ['the only one', [node()], {}],
      ['the only one with room', [node(), node({ name: 'c', slots: { kvm: 0, tcg: 0 } })], {}],
      ['the only one of its kind of CPU', [node(), node({ name: 'c' })], { cpu: (name: string) => (name === 'a' ? cpu : { ...cpu, vendor: 'w' }) }],
    ] as const)('refuses %s', (_title, known, fields) => {
      expect(reasons(judgeNodes(one, { ok: true, guest: movable }, cluster(known, fields)))).toEqual([expect.stringContaining('no other node could take the guest later')]);
    }); // prettier-ignore
  });
});
