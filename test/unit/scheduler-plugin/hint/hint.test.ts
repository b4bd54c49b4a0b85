import { BETTER_NODE } from '../../../../api/names.ts';
import type { NodeReportStatus } from '../../../../api/node-report.ts';
import { KubeError } from '../../../../kube/errors.ts';
import { silentLog } from '../../../../runtime/log.ts';
import { judgedNode } from '../../../../scheduler-plugin/filter.ts';
import { complaintsOf, hintFor, type HintQuestion, type Lying, lyingOf } from '../../../../scheduler-plugin/hint/hint.ts';
import { createHinter } from '../../../../scheduler-plugin/hint/hinter.ts';
import { zoneVerdict } from '../../../../scheduler-plugin/placement/checks.ts';
import { createLedger } from '../../../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../../../scheduler-plugin/placement/report-facts.ts';
import type { Room } from '../../../../scheduler-plugin/placement/room.ts';
import { boundVm } from '../../../build/bound-vm.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';
import { createFakeKube } from '../../../build/fake-kube.ts';
import { node, report, reportedZone, wanted, world, zone } from '../../../build/placement.ts';

const PAGES = { memory: '2Mi', amount: 80 } as const;
const WELL: Lying = { zones: 1, isApart: false, share: undefined };
const MINUTE = 60_000;

describe('complaintsOf', () => {
  it.each<[string, Parameters<typeof wanted>, Partial<Lying>, readonly string[]]>([
    ['pages in one zone', [PAGES], {}, []],
    ['pages over two zones', [PAGES], { zones: 2 }, ['PagesApart']],
    ['pages over two zones of a guest with two cells', [{ ...PAGES, cells: 2 }], { zones: 2 }, []],
    ['pages over two zones nobody is to look at', [PAGES, { hugepages: 'ignore' }], { zones: 2 }, []],
    ['small pages over two zones', [{}], { zones: 2 }, []],
    ['small pages over two zones that were asked to be together', [{}, { numa: 'prefer' }], { zones: 2 }, ['PagesApart']],
    ['a function in another zone that was asked to be near', [{}, { numa: 'require' }], { isApart: true }, ['FunctionsElsewhere']],
    ['a function in another zone nobody asked to be near', [{}], { isApart: true }, []],
    ['disks on other nodes', [{}], { share: 0.5 }, ['DataElsewhere']],
    ['disks on other nodes nobody is to look at', [{}, { storage: 'ignore' }], { share: 0 }, []],
  ])('%s', (_title, [fields, wishes], lying, expected) => {
    expect(complaintsOf(wanted(fields, wishes), { ...WELL, ...lying })).toEqual(expected);
  }); // prettier-ignore
});

describe('lyingOf', () => {
  const vm = boundVm('v', {}, { needs: { memory: '2Mi', amount: 80, cpus: 0, functions: [] } });
  const held = (...ids: readonly number[]): NodeReportStatus['vms'] => [
    { podUid: 'v', zones: ids.map((id) => ({ id, cpus: 0, memoryBytes: 40 * 2 ** 21, hugepages: { '2Mi': 40 } })), functions: ['0000:3b:00.0'] },
  ]; // prettier-ignore
  const pf = (fields: { zone?: number }) => {
    return { address: '0000:3b:00.0', resource: 'example.com/vf', linkUp: true, vfs: { total: 8, free: 4 }, ...fields };
  };
  const lying = (vms: NodeReportStatus['vms'], functions: NodeReportStatus['functions']) =>
    lyingOf(vm, createReportReader()(report({ vms, functions })), undefined);

  it.each<[string, ReturnType<typeof lying>, ReturnType<typeof lying>]>([
    ['in one zone with its function', lying(held(0), [pf({ zone: 0 })]), WELL],
    ['over two zones', lying(held(0, 1), [pf({ zone: 0 })]), { ...WELL, zones: 2 }],
    ['apart from its function', lying(held(0), [pf({ zone: 1 })]), { ...WELL, isApart: true }],
    ['with a function near to all zones', lying(held(0), [pf({})]), WELL],
    ['nowhere yet', lying([], []), undefined],
  ])('a VM %s', (_title, found, expected) => {
    expect(found).toEqual(expected);
  });
});

describe('hintFor', () => {
  const guest = wanted(PAGES);
  const judged = (name: string, room: Room) =>
    judgedNode(name, node({ name }), guest, world({ verdict: () => zoneVerdict(guest, room), vmsOn: () => 1 }));
  const split = judged('here', { zones: [zone(0, 40), zone(1, 40)], functions: [] });
  const roomy = judged('roomy', { zones: [zone(0, 100)], functions: [] });
  const other = judged('other', { zones: [zone(0, 90)], functions: [] });
  const ask = (fields: Partial<HintQuestion>): string | undefined =>
    hintFor({
      guest,
      complaints: ['PagesApart'],
      lying: { ...WELL, zones: 2 },
      here: split,
      others: [roomy],
      shares: undefined,
      named: undefined,
      ...fields,
    })?.node;

  it.each<[string, Partial<HintQuestion>, string | undefined]>([
    ['a node that would take it in one zone', {}, 'roomy'],
    ['none when there is nothing to complain of', { complaints: [] }, undefined],
    ['none when no other would do', { others: [] }, undefined],
    ['none that would have it over two zones again', { others: [{ ...split, name: 'too' }] }, undefined],
    [
      'the one named last while it is better still, though another is best now',
      { others: [roomy, other], named: 'roomy' },
      'roomy',
    ],
    ['the best of several', { others: [roomy, other] }, 'other'],
    ['none that has hardly more of its disks', { complaints: ['DataElsewhere'], shares: [0, 0.2] }, undefined],
    ['one that has its disks', { complaints: ['DataElsewhere'], shares: [0, 1] }, 'roomy'],
    ['none that cures one complaint of two', { complaints: ['PagesApart', 'DataElsewhere'], shares: [0, 0] }, undefined],
  ])('names %s', (_title, fields, expected) => {
    expect(ask(fields)).toBe(expected);
  });

  it('says what is wrong, in words without figures', () => {
    const question = { guest, lying: { ...WELL, zones: 2 }, here: split, others: [roomy], shares: [0, 1], named: undefined };
    expect(hintFor({ ...question, complaints: ['PagesApart', 'DataElsewhere'] })).toEqual({
      reason: 'PagesApart',
      node: 'roomy',
      message: 'Node roomy would be better: here, its memory is in more zones than its one NUMA node, and its disks are on other nodes.',
    });
  }); // prettier-ignore
});

describe('createHinter', () => {
  /** VM v of 80 pages lies over both zones of node a; node b has a zone of 100 free. */
  function rig(holder = 'this-pod_1') {
    const kube = createFakeKube();
    const clock = createFakeClock();
    const ledger = createLedger();
    const read = createReportReader();
    const needs = { memory: '2Mi', amount: 80, cpus: 0, functions: [] } as const;
    const held = [0, 1].map((id) => ({ id, cpus: 0, memoryBytes: 40 * 2 ** 21, hugepages: { '2Mi': 40 } }));
    ledger.setReport('a', read(report({ zones: [reportedZone(0, 0), reportedZone(1, 0)], vms: [{ podUid: 'v', zones: held }] })));
    const setFree = (pages: number): void => ledger.setReport('b', read(report({ zones: [reportedZone(0, pages)] })));
    setFree(100);
    ledger.setPod('team/v', boundVm('v', {}, { needs }));
    kube.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'v', namespace: 'team', uid: 'v' } });
    kube.put({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'scheduler', namespace: 'system' }, spec: { holderIdentity: holder } }); // prettier-ignore
    const hinter = createHinter({
      client: kube.client,
      clock,
      log: silentLog,
      world: world({
        nodes: () => ['a', 'b'].map((name) => node({ name })),
        node: (name) => node({ name }),
        verdict: (name, vm) => ledger.verdict(name, vm),
        vmsOn: (name) => ledger.vmsOn(name),
      }),
      ledger,
      guest: () => ({ ok: true, guest: wanted({ ...PAGES, uid: 'v' }) }),
      intervalMs: 5 * MINUTE,
      lease: 'system/scheduler',
      hostname: 'this-pod',
      unready: () => '',
    });
    hinter.start();
    type Stored = { status?: { conditions?: readonly { type: string; status: string; reason: string }[] } };
    const told = async (): Promise<string | undefined> => {
      const { status } = await kube.client.get<Stored>('/api/v1/namespaces/team/pods/v');
      const found = status?.conditions?.find(({ type }) => type === BETTER_NODE);
      return found && `${found.status} ${found.reason}`;
    };
    const writes = (): number => kube.requests.filter(({ method }) => method === 'PATCH').length;
    return { kube, clock, ledger, hinter, told, writes, setFree, needs };
  }

  it('tells a VM once, and takes it back when it is over', async () => {
    const { clock, told, writes, setFree, ledger, needs, hinter } = rig();
    await clock.advance(6 * MINUTE);
    expect([await told(), writes()]).toEqual(['True PagesApart', 1]);
    ledger.setPod('team/v', boundVm('v', {}, { needs, isHinted: true }));
    await clock.advance(60 * MINUTE);
    expect(writes()).toBe(1);
    setFree(10);
    await clock.advance(6 * MINUTE);
    expect([await told(), writes(), ledger.hinted()]).toEqual(['False WellPlaced', 2, 1]);
    await hinter.stop();
  });

  it('writes nothing when another replica is beside the scheduler that leads', async () => {
    const { clock, writes, hinter } = rig('other-pod_1');
    await clock.advance(60 * MINUTE);
    expect(writes()).toBe(0);
    await hinter.stop();
  });

  it('asks nothing of the API server while every VM lies as it should', async () => {
    const { clock, ledger, kube, hinter } = rig();
    ledger.setReport('a', createReportReader()(report({})));
    kube.requests.length = 0;
    await clock.advance(60 * MINUTE);
    expect(kube.requests).toEqual([]);
    await hinter.stop();
  });

  it('goes on after an error', async () => {
    const { clock, told, kube, hinter } = rig();
    kube.onRequest = () => new KubeError(500, 'InternalError', 'oops');
    await clock.advance(6 * MINUTE);
    kube.onRequest = undefined;
    await clock.advance(6 * MINUTE);
    expect(await told()).toBe('True PagesApart');
    await hinter.stop();
  });
});
