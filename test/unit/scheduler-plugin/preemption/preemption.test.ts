import { silentLog } from '../../../../runtime/log.ts';
import { createLedger } from '../../../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../../../scheduler-plugin/placement/report-facts.ts';
import type { Refusal } from '../../../../scheduler-plugin/preemption/evictor.ts';
import { decodePreemption } from '../../../../scheduler-plugin/preemption/messages.ts';
import { claimsOf, createNominations } from '../../../../scheduler-plugin/preemption/nominations.ts';
import { createPreemption, type PreemptionOptions } from '../../../../scheduler-plugin/preemption/preemption.ts';
import { nominationOf } from '../../../../scheduler-plugin/preemption/watches.ts';
import { GUEST_ANNOTATION } from '../../../../api/names.ts';
import { boundVm } from '../../../build/bound-vm.ts';
import { guestSpec } from '../../../build/guest.ts';
import { node, report, reportedZone, wanted, world as madeWorld } from '../../../build/placement.ts';

const guest = wanted({ memory: '2Mi', amount: 80, priority: 10, uid: 'new' });
const pod = { metadata: { name: 'new', namespace: 'team', uid: 'new' }, spec: { priority: 10 } };

/** Node a with a zone of 100 pages, 60 of them a VM's of priority 0; node b with none. */
function rig(change: Partial<PreemptionOptions> = {}) {
  const ledger = createLedger();
  const nominations = createNominations();
  const world = madeWorld({ ...claimsOf(ledger, nominations), node: (name) => node({ name }) });
  for (const [name, pages] of [['a', 100], ['b', 0]] as const) ledger.setReport(name, createReportReader()(report({ zones: [reportedZone(0, pages)] }))); // prettier-ignore
  const needs = { memory: '2Mi', amount: 60, cpus: 0, functions: [] } as const;
  ledger.setPod('team/low', boundVm('low', {}, { needs }));
  const told: Refusal[] = [];
  const settled: string[] = [];
  const evictor = { refused: (one: Refusal) => void told.push(one), settled: (uid: string) => void settled.push(uid) };
  const preemption = createPreemption({
    ledger,
    nominations,
    world,
    budgets: () => [],
    clock: { now: () => 0 },
    log: silentLog,
    guest: () => ({ ok: true, guest }),
    unready: () => '',
    lowestPriority: () => 0,
    evictor,
    ...change,
  });
  const verdicts = ['a', 'b'].map((name) => ({ name, reason: 'no room' }));
  const curable = (who: { spec?: object } = pod, list: Parameters<typeof preemption.refused>[2] = verdicts): readonly string[] =>
    preemption
      .refused(who, guest, list)
      .filter((one) => one.isCurable)
      .map(({ name }) => name);
  return { preemption, told, settled, curable, nominations, verdicts };
}
const asking = {
  Pod: pod,
  NodeNameToVictims: null,
  NodeNameToMetaVictims: { a: { Pods: [], NumPDBViolations: 0 }, b: { Pods: [{ UID: 'x' }] } },
};
const NOBODY = { NodeNameToMetaVictims: {} };

describe('the answer to a preempt request', () => {
  it('chooses victims on a node where the scheduler would evict nobody, and leaves out one where nothing helps', () => {
    const { preemption, settled } = rig();
    expect(preemption.answer(asking)).toEqual({ NodeNameToMetaVictims: { a: { Pods: [{ UID: 'low' }], NumPDBViolations: 0 } } });
    expect(settled).toEqual(['new']);
  });

  it.each<[string, object, Partial<PreemptionOptions>]>([
    ['what is not whole', { Pod: pod }, {}],
    ['a pod that is no VM', asking, { guest: () => ({ ok: false, reason: 'no annotation' }) }],
    ['caches that are not filled', asking, { unready: () => 'pods not read' }],
  ])('evicts nobody at %s', (_title, body, change) => {
    expect(rig(change).preemption.answer(body)).toEqual(NOBODY);
  });

  it('evicts nobody where nothing helps, and leaves the matter to the evictor', () => {
    const { preemption, settled } = rig();
    expect(preemption.answer({ ...asking, NodeNameToMetaVictims: { b: { Pods: [{ UID: 'x' }] } } })).toEqual(NOBODY);
    expect(settled).toEqual([]);
  });
});

describe('decodePreemption', () => {
  const victims = (body: object) => decodePreemption({ Pod: pod, ...body })?.nodes.get('a');

  it.each<[string, object, ReturnType<typeof victims>]>([
    ['UIDs', { NodeNameToMetaVictims: { a: { Pods: [{ UID: 'x' }], NumPDBViolations: 2 } } }, { uids: ['x'], violations: 2 }],
    ['whole pods', { NodeNameToVictims: { a: { Pods: [{ metadata: { uid: 'x' } }] } }, NodeNameToMetaVictims: null }, { uids: ['x'], violations: 0 }],
    ['no victims', { NodeNameToMetaVictims: { a: { Pods: null } } }, { uids: [], violations: 0 }],
    ['nothing for a node', { NodeNameToMetaVictims: { a: null } }, { uids: [], violations: 0 }],
    ['a pod without a UID', { NodeNameToMetaVictims: { a: { Pods: [{}] } } }, undefined],
    ['a list where a map should be', { NodeNameToMetaVictims: [] }, undefined],
  ])('reads %s', (_title, body, expected) => {
    expect(victims(body)).toEqual(expected);
  }); // prettier-ignore
});

describe('refusals by all nodes', () => {
  it('are marked where an eviction would cure them, when the scheduler asks about such nodes', () => {
    expect(rig({ evictor: 'scheduler' }).curable()).toEqual(['a']);
  });

  it.each<[string, Parameters<ReturnType<typeof rig>['curable']>, Partial<PreemptionOptions>]>([
    ['for a pod that may not preempt', [{ ...pod, spec: { preemptionPolicy: 'Never' } }], {}],
    ['while no VM anywhere has a lower priority', [], { lowestPriority: () => 10 }],
    ['when another node passed', [pod, [{ name: 'a', reason: 'no room' }, { name: 'c', reason: '' }]], {}],
    ['when nobody is to evict', [], { evictor: undefined }],
  ])('are not %s', (_title, args, change) => {
    expect(rig({ evictor: 'scheduler', ...change }).curable(...args)).toEqual([]);
  }); // prettier-ignore

  it('go to the evictor, with the nodes that have VMs of lower priority, when the scheduler does not ask', () => {
    const { curable, told } = rig();
    expect([curable(), told.map(({ name, nodes }) => [name, nodes])]).toEqual([[], [['new', ['a']]]]);
  });

  it('are taken back from the evictor when another request passes', () => {
    const { curable, settled } = rig();
    curable();
    curable(pod, [{ name: 'a', reason: 'no room' }, { name: 'c', reason: '' }]);
    expect(settled).toEqual(['new']);
  }); // prettier-ignore

  it('are marked where room is being made for the VM, so that the scheduler does not give that node up', () => {
    const { curable, nominations } = rig({ evictor: undefined });
    nominations.set('new', { uid: 'new', node: 'b', priority: 10, needs: guest });
    expect(curable()).toEqual(['b']);
  });
});

describe('nominationOf', () => {
  const annotations = { [GUEST_ANNOTATION]: JSON.stringify(guestSpec({ hugepages: '2Mi' })) };
  const waiting = { metadata: { uid: 'u', annotations }, spec: { priority: 3 }, status: { nominatedNodeName: 'a' } };

  it('reads a VM for which room is being made', () => {
    expect(nominationOf(waiting)).toMatchObject({ uid: 'u', node: 'a', priority: 3, needs: { memory: '2Mi', amount: 64 } });
  });

  it.each([
    ['one that simply waits', { ...waiting, status: {} }],
    ['one whose GuestSpec cannot be read', { ...waiting, metadata: { uid: 'u' } }],
  ])('takes %s for none', (_title, other) => {
    expect(nominationOf(other)).toBeUndefined();
  });
});
