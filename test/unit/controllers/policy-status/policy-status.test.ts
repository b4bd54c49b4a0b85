import fc from 'fast-check';
import type { PolicyStatus } from '../../../../api/policy.ts';
import { createAudit, type Audit } from '../../../../controllers/policy-status/audit.ts';
import type { StoredVm } from '../../../../controllers/policy-status/facts.ts';
import { INITIAL_PACE, nextActions } from '../../../../controllers/policy-status/next-actions.ts';
import type { PaceEvent, PaceState } from '../../../../controllers/policy-status/next-actions.ts';
import { policyStatus, type PolicyFindings } from '../../../../controllers/policy-status/status.ts';
import { createPacker } from '../../../../controllers/policy-status/packed-text.ts';
import { createVerdicts } from '../../../../controllers/policy-status/verdicts.ts';
import { vmPod } from '../../../../controllers/vm-pods.ts';
import type { KubeObject } from '../../../../kube/objects.ts';
import { policy } from '../../../build/policy.ts';
import { runningVm } from '../../../build/vm-pod.ts';

const NOW = Date.UTC(2026, 5, 1, 12);

const pack = createPacker();

function stored(fields: Parameters<typeof runningVm>[0] = {}): StoredVm {
  const vm = vmPod(runningVm(fields) as unknown as KubeObject, pack);
  if (vm === undefined) throw new Error('no VM');
  return vm.stored;
}

describe('the audit', () => {
  let audit: Audit;
  beforeEach(() => {
    audit = createAudit();
  });

  /** All that is to be judged; how many pods that were. */
  const work = (now = NOW): number => {
    let count = 0;
    while (audit.step(now)) count += 1;
    return count;
  };
  const counts = (name: string): [number, number] => [audit.verdicts.matching(name), audit.verdicts.violating(name)];
  const add = (name: string, namespace = 'team', labels: Record<string, string> = {}): void =>
    audit.setPod(`${namespace}/${name}`, stored({ name, namespace, labels }));

  it('counts the pods a policy is for, and those it would refuse', () => {
    add('a');
    add('b', 'other');
    audit.setPolicy('small', policy('small', { guest: { memory: { maximum: '64Mi' } } }));
    audit.setPolicy('here', policy('here', { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'team' } } }));
    expect(work()).toBe(2);
    expect([counts('small'), counts('here')]).toEqual([
      [2, 2],
      [1, 0],
    ]);
    expect([...audit.verdicts.violators('small')]).toEqual(['team/a', 'other/b']);
    expect(audit.explain('small', 'team/a', NOW)?.message).toMatch(/memory.*64Mi.*policy 'small'/);
  });

  it.each(['enforce', 'warn', 'audit'])('counts for a policy in mode %s', (mode) => {
    add('a');
    audit.setPolicy('p', policy('p', { mode, guest: { vcpus: { minimum: 2 } } }));
    work();
    expect(counts('p')).toEqual([1, 1]);
  });

  it('judges by labels of the namespace, and again when they change', () => {
    add('a');
    audit.setPolicy('p', policy('p', { namespaceSelector: { matchLabels: { tier: 'gold' } } }));
    work();
    expect(counts('p')).toEqual([0, 0]);
    audit.setNamespace('team', { tier: 'gold' });
    work();
    expect(counts('p')).toEqual([1, 0]);
    audit.setNamespace('team', undefined);
    work();
    expect(counts('p')).toEqual([0, 0]);
  });

  it('a pod that changed only its status is not judged again', () => {
    audit.setPolicy('p', policy('p'));
    add('a');
    expect(work()).toBe(1);
    audit.setPod('team/a', stored({ name: 'a', namespace: 'team', conditions: [{ type: 'Ready', status: 'True' }] }));
    expect(work()).toBe(0);
  });

  it('a new version of one policy has every pod judged once, by it alone', () => {
    add('a');
    audit.setPolicy('p', policy('p', { guest: { vcpus: { minimum: 2 } } }));
    audit.setPolicy('q', policy('q', { guest: { vcpus: { minimum: 2 } } }));
    work();
    audit.takeChanged();
    audit.setPolicy('p', policy('p'));
    expect(work()).toBe(1);
    expect([counts('p'), counts('q')]).toEqual([
      [1, 0],
      [1, 1],
    ]);
  });

  it('says about which policies something changed', () => {
    audit.setPolicy('all', policy('all'));
    audit.setPolicy('none', policy('none', { podSelector: { matchLabels: { no: 'pod' } } }));
    work();
    expect([...audit.takeChanged()].sort()).toEqual(['all', 'none']);
    add('a');
    work();
    expect([...audit.takeChanged()]).toEqual(['all']);
    audit.setPod('team/a', undefined);
    expect([...audit.takeChanged()]).toEqual(['all']);
    expect(counts('all')).toEqual([0, 0]);
    audit.setPolicy('all', undefined);
    expect([...audit.takeChanged()]).toEqual(['none']);
  });

  it('limits of a namespace are judged with the others in it, when it is time to', () => {
    audit.setPolicy('p', policy('p', { limits: { vms: 1 } }));
    add('a');
    add('c', 'other');
    work();
    audit.recheckLimits();
    work();
    expect(counts('p')).toEqual([2, 0]);
    add('b');
    work();
    expect(audit.limitsChanged()).toBe(true);
    // The newcomer knows of the other, which hears of it later.
    expect([...audit.verdicts.violators('p')]).toEqual(['team/b']);
    audit.recheckLimits();
    expect(work()).toBe(2);
    expect([...audit.verdicts.violators('p')].sort()).toEqual(['team/a', 'team/b']);
    expect(audit.limitsChanged()).toBe(false);
    audit.setPod('team/b', undefined);
    audit.recheckLimits();
    work();
    expect(counts('p')).toEqual([2, 0]);
  });

  it('an exemption holds until its last day', () => {
    const exemptions = [{ reason: 'moving', podSelector: {}, until: '2026-06-01' }];
    audit.setPolicy('p', policy('p', { guest: { vcpus: { minimum: 2 } }, exemptions }));
    add('a');
    work();
    expect(counts('p')).toEqual([0, 0]);
    audit.newDay();
    expect(work(NOW + 86_400_000)).toBe(1);
    expect(counts('p')).toEqual([1, 1]);
  });
});

it('verdicts agree with a plain list of them, whatever comes and goes', () => {
  const step = fc.record({
    pod: fc.nat(150),
    policy: fc.nat(3),
    verdict: fc.constantFrom('gone', 'other', 'matching', 'violating'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const verdicts = createVerdicts();
      const model = new Map<string, string>();
      for (const { pod, policy: number, verdict } of steps) {
        const [key, name] = [`pod${pod}`, `policy${number}`];
        const of = (policies: readonly string[]): string[] => policies.map((one) => `${key} ${one}`);
        const known = [...model.keys()].filter((entry) => entry.startsWith(`${key} `));
        if (verdict === 'gone') {
          expect(of(verdicts.removePod(key)).sort()).toEqual(known.sort());
          for (const entry of known) model.delete(entry);
          continue;
        }
        const matching = verdict === 'other' ? [] : [name];
        const violations = new Map(verdict === 'violating' ? [[name, 'why']] : []);
        const before = model.get(`${key} ${name}`) ?? 'other';
        expect(verdicts.set(key, [name], { matching, violations })).toEqual(before === verdict ? [] : [name]);
        if (verdict === 'other') model.delete(`${key} ${name}`);
        else model.set(`${key} ${name}`, verdict);
      }
      for (const name of ['policy0', 'policy1', 'policy2', 'policy3']) {
        const entries = [...model].filter(([entry]) => entry.endsWith(` ${name}`));
        const violators = entries.filter(([, verdict]) => verdict === 'violating').map(([entry]) => entry.split(' ')[0]);
        expect([verdicts.matching(name), verdicts.violating(name)]).toEqual([entries.length, violators.length]);
        expect([...verdicts.violators(name)].sort()).toEqual(violators.sort());
      }
    }),
  );
});

describe('the pace', () => {
  const TIMES = { settleMs: 1000, intervalMs: 30_000 };
  it.each<[string, PaceState, PaceEvent, string[]]>([
    ['a first change waits a moment for others', INITIAL_PACE, 'changed', ['wake 1000']],
    ['more in that moment change nothing', { waiting: true, notBefore: 0 }, 'changed', []],
    ['after it the status is offered', { waiting: true, notBefore: 0 }, 'time', ['offer']],
    ['soon after a write a change waits for the next', { waiting: false, notBefore: NOW + 20_000 }, 'changed', ['wake 20000']],
    ['long after one it does not', { waiting: false, notBefore: NOW - 5 }, 'changed', ['wake 1000']],
    [
      'a clock that was set back does not make it wait for hours',
      { waiting: false, notBefore: NOW * 2 },
      'changed',
      ['wake 30000'],
    ],
    ['what was written is looked at again, an interval later', INITIAL_PACE, 'written', ['wake 30000']],
  ])('%s', (_title, state, event, expected) => {
    const { actions } = nextActions(state, event, NOW, TIMES);
    expect(actions.map((action) => (action.do === 'wake' ? `wake ${action.afterMs}` : action.do))).toEqual(expected);
  });

  it('after a write the next is an interval away', () => {
    const { state } = nextActions({ waiting: false, notBefore: NOW + 30_000 }, 'time', NOW, TIMES);
    expect(nextActions(state, 'changed', NOW + 10_000, TIMES).actions).toEqual([{ do: 'wake', afterMs: 20_000 }]);
  });
});

describe('the status', () => {
  const found: PolicyFindings = { generation: 3, matching: 2, violating: 1, named: [], invalid: [], ties: [] };
  const conditions = (status: PolicyStatus): string[] =>
    (status.conditions ?? []).map(({ type, status: value, reason }) => `${type}=${value} ${reason}`);

  it('of a policy in order', () => {
    const status = policyStatus(found, undefined, NOW);
    expect(status).toMatchObject({ observedGeneration: 3, matching: 2, violating: 1, violations: [] });
    expect(conditions(status)).toEqual(['Ready=True InForce', 'Conflicting=False NoTie']);
  });

  it('is the same as before when nothing is new, but for the time of day', () => {
    const before = policyStatus(found, undefined, NOW);
    expect(policyStatus(found, before, NOW + 3_600_000)).toEqual(before);
  });

  it('of one that cannot be read names all that is wrong', () => {
    const invalid = [
      { field: 'spec.rules[0].expression', value: 'pod.', message: 'is no expression' },
      { field: 'spec.colour', message: 'is unknown' },
    ];
    const before = policyStatus(found, undefined, NOW);
    const status = policyStatus({ ...found, invalid }, before, NOW + 3_600_000);
    expect(conditions(status)).toEqual(['Ready=False Invalid', 'Conflicting=False NoTie']);
    const [ready, conflicting] = status.conditions ?? [];
    expect(ready?.message).toMatch(/spec\.rules\[0\].*spec\.colour.*correct or delete/);
    // Only what changed its value changed its time.
    expect([ready?.lastTransitionTime, conflicting?.lastTransitionTime]).toEqual([
      '2026-06-01T13:00:00Z',
      '2026-06-01T12:00:00Z',
    ]);
  });

  it('of one in a tie', () => {
    const status = policyStatus({ ...found, ties: [{ field: 'default of memory', message: "policy 'b' …" }] }, undefined, NOW);
    expect(conditions(status)).toEqual(['Ready=True InForce', 'Conflicting=True DefaultsTie']);
  });

  it('names ten pods and cuts what is long', () => {
    const named = Array.from({ length: 12 }, (_, at) => ({ namespace: 'n', name: `p${at}`, message: 'x'.repeat(5000) }));
    const { violations = [] } = policyStatus({ ...found, named }, undefined, NOW);
    expect(violations).toHaveLength(10);
    expect(violations[0]?.message).toHaveLength(1024);
  });
});
