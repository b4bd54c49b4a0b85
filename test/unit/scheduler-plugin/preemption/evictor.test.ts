import { Counter, Registry } from 'prom-client';
import { silentLog } from '../../../../runtime/log.ts';
import { createLedger } from '../../../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../../../scheduler-plugin/placement/report-facts.ts';
import { cheapest } from '../../../../scheduler-plugin/preemption/best-node.ts';
import { createEvictor } from '../../../../scheduler-plugin/preemption/evictor.ts';
import { claimsOf, createNominations } from '../../../../scheduler-plugin/preemption/nominations.ts';
import { boundVm } from '../../../build/bound-vm.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';
import { createFakeKube } from '../../../build/fake-kube.ts';
import { node, report, reportedZone, wanted, world as madeWorld } from '../../../build/placement.ts';

const guest = wanted({ memory: '2Mi', amount: 80, priority: 10, uid: 'uid-new' });

/** Node a, a zone of 100 pages, 60 of them held by pod low. */
function rig() {
  const kube = createFakeKube();
  const clock = createFakeClock();
  const ledger = createLedger();
  const nominations = createNominations();
  const world = madeWorld({ ...claimsOf(ledger, nominations), node: (name) => node({ name }) });
  const evictions = new Counter({ name: 'evictions', help: 'of this test', registers: [new Registry()] });
  const told: string[] = [];
  const events = { record: (_about: object, { message }: { message: string }) => void told.push(message), flush: () => Promise.resolve() }; // prettier-ignore
  const evictor = createEvictor({ ledger, nominations, world, budgets: () => [], clock, client: kube.client, log: silentLog, events, evictions }); // prettier-ignore
  ledger.setReport('a', createReportReader()(report({ zones: [reportedZone(0, 100)] })));
  const needs = { memory: '2Mi', amount: 60, cpus: 0, functions: [] } as const;
  const plan = { zones: [{ id: 0, cpus: 0, amount: 60 }], functions: [] };
  ledger.setPod('team/low', boundVm('uid-low', {}, { needs, plan }));
  const pod = (name: string, fields: object = {}) =>
    kube.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'team', uid: `uid-${name}` }, ...fields });
  pod('low', { spec: { nodeName: 'a' } });
  pod('new', { spec: {} });
  const refuse = (nodes: readonly string[] = ['a']): void =>
    evictor.refused({
      namespace: 'team',
      name: 'new',
      preemptor: { guest, requests: {}, isChoosy: false },
      nodes,
    });
  const isThere = (name: string): Promise<boolean> =>
    kube.client.get(`/api/v1/namespaces/team/pods/${name}`).then(
      () => true,
      () => false,
    );
  return { kube, clock, ledger, evictor, nominations, told, refuse, isThere, pod };
}

test('a VM that no node passed, and that kube-scheduler evicts nobody for, is promised a node, and its victim is evicted and told by whom', async () => {
  const { clock, refuse, isThere, told, kube, nominations } = rig();
  refuse();
  await clock.advance(2_000);
  expect(await isThere('low')).toBe(false);
  expect(told).toEqual(['Preempted by pod team/new on node a']);
  expect(await kube.client.get('/api/v1/namespaces/team/pods/new')).toMatchObject({ status: { nominatedNodeName: 'a' } });
  expect(nominations.isFor('uid-new', 'a')).toBe(true);
});

test('kube-scheduler gets the time to ask by itself', async () => {
  const { clock, refuse, isThere, evictor } = rig();
  refuse();
  await clock.advance(1_000);
  evictor.settled('uid-new');
  await clock.advance(5_000);
  expect(await isThere('low')).toBe(true);
});

const CALLED_OFF: Record<string, (made: ReturnType<typeof rig>) => unknown> = {
  'found a node meanwhile': ({ pod }) => pod('new', { spec: { nodeName: 'b' } }),
  'is being deleted': ({ pod }) => pod('new', { metadata: { name: 'new', namespace: 'team', uid: 'uid-new', deletionTimestamp: '2026-01-01T00:00:00Z' } }),
  'was made anew': ({ pod }) => pod('new', { metadata: { name: 'new', namespace: 'team', uid: 'uid-other' } }),
  'is gone': ({ kube }) => kube.client.delete('/api/v1/namespaces/team/pods/new'),
  'has room by now': ({ ledger }) => ledger.setReport('a', createReportReader()(report({ zones: [reportedZone(0, 300)] }))),
  'has room once a VM has left that is leaving': ({ ledger }) => ledger.setPod('team/low', { ...boundVm('uid-low'), leavesBy: Date.UTC(2026, 0, 1) / 1000 + 30 }),
  'would not fit without any of lower priority either': ({ ledger }) => ledger.setReport('a', createReportReader()(report({ zones: [reportedZone(0, 70)] }))),
}; // prettier-ignore

test.each(Object.entries(CALLED_OFF))('nobody is evicted for a VM that %s', async (_title, meanwhile) => {
  const made = rig();
  made.refuse();
  await meanwhile(made);
  await made.clock.advance(30_000);
  expect([await made.isThere('low'), made.told]).toEqual([true, []]);
});

test('after its victim has gone, nobody else is evicted before the report knows', async () => {
  const { clock, refuse, isThere, ledger, pod } = rig();
  const needs = { memory: '2Mi', amount: 30, cpus: 0, functions: [] } as const;
  ledger.setPod(
    'team/other',
    boundVm('uid-other', { priority: 1 }, { needs, plan: { zones: [{ id: 0, cpus: 0, amount: 30 }], functions: [] } }),
  );
  const low = { id: 0, cpus: 0, memoryBytes: 60 * 2 ** 21, hugepages: { '2Mi': 60 } };
  ledger.setReport(
    'a',
    createReportReader()(report({ zones: [reportedZone(0, 85)], vms: [{ podUid: 'uid-low', zones: [low] }] })),
  );
  pod('other', { spec: { nodeName: 'a' } });
  refuse();
  await clock.advance(2_000);
  expect([await isThere('low'), await isThere('other')]).toEqual([false, true]);
  ledger.setPod('team/low', undefined);
  refuse();
  await clock.advance(60_000);
  expect(await isThere('other')).toBe(true);
});

test('one that nothing helped is looked at again after a pause, not at each attempt', async () => {
  const { clock, refuse, isThere, ledger } = rig();
  ledger.setReport('a', createReportReader()(report({ zones: [reportedZone(0, 70)] })));
  refuse();
  await clock.advance(2_000);
  ledger.setReport('a', createReportReader()(report({ zones: [reportedZone(0, 100)] })));
  refuse();
  await clock.advance(5_000);
  expect(await isThere('low')).toBe(true);
  await clock.advance(5_000);
  expect(await isThere('low')).toBe(false);
});

test('nothing happens after the end', async () => {
  const { clock, refuse, isThere, evictor } = rig();
  refuse();
  await evictor.stop();
  refuse();
  await clock.advance(30_000);
  expect([await isThere('low'), clock.pending()]).toEqual([true, 0]);
});

describe('cheapest', () => {
  const freeable = (name: string, violations: number, ...vms: ReturnType<typeof boundVm>[]) => {
    return { name, victims: { uids: vms.map(({ uid }) => uid), violations }, vms };
  };
  const vm = (priority: number, since = 0) => boundVm('v', { priority }, { since });

  it.each([
    ['fewer broken budgets', freeable('a', 1, vm(0)), freeable('b', 0, vm(5), vm(5))],
    ['a less important first victim', freeable('a', 0, vm(5)), freeable('b', 0, vm(4), vm(4))],
    ['a smaller sum of priorities', freeable('a', 0, vm(5), vm(4)), freeable('b', 0, vm(5), vm(3))],
    ['fewer victims, also of negative priority', freeable('a', 0, vm(-1), vm(-1)), freeable('b', 0, vm(-1))],
    ['the most important one started later', freeable('a', 0, vm(5, 100)), freeable('b', 0, vm(5, 200))],
  ])('is where there are %s', (_title, dear, cheap) => {
    expect([cheapest([dear, cheap])?.name, cheapest([cheap, dear])?.name]).toEqual(['b', 'b']);
  });

  it('is nowhere among no nodes', () => {
    expect(cheapest([])).toBeUndefined();
  });
});
