import { createLedger } from '../../../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../../../scheduler-plugin/placement/report-facts.ts';
import { configuredFunctions } from '../../../../scheduler-plugin/sources/sriov-state.ts';
import { createStandIns } from '../../../../scheduler-plugin/sources/stand-ins.ts';
import { topologyFacts } from '../../../../scheduler-plugin/sources/topology.ts';
import { report, reportedZone, wanted } from '../../../build/placement.ts';

const GIB = 2 ** 30;

type Amounts = Readonly<Record<string, readonly [allocatable: string, available: string]>>;
const zoneOf = (name: string, amounts: Amounts, type = 'Node') => ({
  name,
  type,
  resources: Object.entries(amounts).map(([resource, [allocatable, available]]) => ({
    name: resource,
    capacity: allocatable,
    allocatable,
    available,
  })),
});
const MEMORY: Amounts = { cpu: ['16', '12500m'], memory: ['64Gi', '40Gi'], 'hugepages-2Mi': ['4Gi', '2Gi'] };
/** As NFD's topology-updater publishes a machine of two sockets with the Static memory manager. */
const TOPOLOGY = {
  apiVersion: 'topology.node.k8s.io/v1alpha2',
  kind: 'NodeResourceTopology',
  metadata: { name: 'a' },
  zones: [
    zoneOf('node-0', { ...MEMORY, 'openshift.io/fast': ['8', '6'] }),
    zoneOf('node-1', { ...MEMORY, 'openshift.io/both': ['4', '4'] }),
    zoneOf('cache-0', {}, 'Cache'),
  ],
};
const STATE = {
  apiVersion: 'sriovnetwork.openshift.io/v1',
  kind: 'SriovNetworkNodeState',
  metadata: { name: 'a', namespace: 'sriov-network-operator' },
  spec: {
    interfaces: [
      {
        pciAddress: '0000:3b:00.0',
        numVfs: 8,
        vfGroups: [
          { resourceName: 'fast', vfRange: '0-3' },
          { resourceName: 'slow', vfRange: '4-7' },
        ],
      },
      { pciAddress: '0000:5e:00.0', numVfs: 8, vfGroups: [{ resourceName: 'fast', vfRange: 'ens5f0#0-7' }] },
      { pciAddress: '0000:af:00.0', numVfs: 8, vfGroups: [{ resourceName: 'fast', vfRange: '0-7' }] },
    ],
  },
  status: {
    interfaces: [
      { pciAddress: '0000:3b:00.0', name: 'ens1f0', numVfs: 8, totalvfs: 64, linkAdminState: 'up' },
      { pciAddress: '0000:5e:00.0', name: 'ens5f0', numVfs: 2, linkAdminState: 'down' },
    ],
  },
};

test('a topology tells CPUs, memory and pages by zone, and which zones have devices', () => {
  const facts = topologyFacts(TOPOLOGY);
  const memory = { plain: 64 * GIB, '2Mi': 2048, '1Gi': 0 };
  expect(facts?.allocatable).toEqual([{ id: 0, cpus: 16, memory }, { id: 1, cpus: 16, memory }]);
  expect(facts?.available[0]).toEqual({ id: 0, cpus: 12, memory: { plain: 40 * GIB, '2Mi': 1024, '1Gi': 0 } });
  expect([...(facts?.devices ?? [])]).toEqual([['openshift.io/fast', [0]], ['openshift.io/both', [1]]]);
}); // prettier-ignore

test.each<[string, object]>([
  ['has no zones', {}],
  ['tells CPUs but no memory by zone, as without the Static memory manager', { zones: [zoneOf('node-0', { cpu: ['4', '4'] })] }],
  ['tells memory of one zone only', { zones: [TOPOLOGY.zones[0], zoneOf('node-1', { cpu: ['4', '4'] })] }],
  ['has zones of other kinds only', { zones: [zoneOf('cache-0', MEMORY, 'Cache')] }],
  ['is garbage', { zones: [null, 7, { name: 'node-0', type: 'Node', resources: 'x' }] }],
])('a topology that %s tells nothing', (_what, raw) => {
  expect(topologyFacts(raw as Record<string, unknown>)).toBeUndefined();
});

test('a state tells the functions that were made, by resource, with their link', () => {
  expect(configuredFunctions(STATE)).toEqual([
    { address: '0000:3b:00.0', resource: 'fast', linkUp: true, vfs: 4 },
    { address: '0000:3b:00.0', resource: 'slow', linkUp: true, vfs: 4 },
    { address: '0000:5e:00.0', resource: 'fast', linkUp: false, vfs: 2 },
  ]);
});

test.each([
  ['all that were configured', 8, [4, 4]],
  ['fewer: those of the last range are lacking', 6, [4, 2]],
  ['fewer than the first range', 3, [3, 0]],
  ['none', 0, [0, 0]],
])('functions made so far: %s', (_title, numVfs, expected) => {
  const status = { interfaces: [{ pciAddress: '0000:3b:00.0', numVfs }] };
  expect(configuredFunctions({ ...STATE, status }).map(({ vfs }) => vfs)).toEqual(expected);
});

test.each<[string, Record<string, unknown>]>([
  ['nothing', {}],
  ['no lists', { spec: { interfaces: 'x' }, status: 7 }],
  [
    'odd entries',
    {
      spec: { interfaces: [null, { pciAddress: 1 }, { pciAddress: 'x', vfGroups: [null, {}] }] },
      status: { interfaces: [{ pciAddress: 'x' }] },
    },
  ],
])('a state with %s is read as no functions', (_what, raw) => {
  expect(configuredFunctions(raw)).toEqual([]);
});

describe('a node', () => {
  const rig = () => {
    const ledger = createLedger();
    const standIns = createStandIns((node, facts) => ledger.setReport(node, facts));
    return {
      ledger,
      standIns,
      pages: () => ledger.room('a')?.zones.map(({ memory }) => memory['2Mi']),
      source: () => ledger.report('a')?.source,
    };
  };
  const own = createReportReader()(report({ zones: [reportedZone(0, 7)] }));
  const boundVm = (amount: number) => ({
    uid: 'vm',
    node: 'a',
    owner: 'o',
    ended: false,
    needs: wanted({ memory: '2Mi', amount }),
    plan: { zones: [{ id: 0, cpus: 0, amount }], functions: [] },
  });

  it('without a report goes by its topology, with the functions of its state', () => {
    const { ledger, standIns, pages, source } = rig();
    standIns.setFunctions('a', configuredFunctions(STATE));
    standIns.setTopology('a', topologyFacts(TOPOLOGY));
    expect([source(), pages()]).toEqual(['NodeResourceTopology', [1024, 1024]]);
    expect(ledger.room('a')?.functions).toEqual([
      { address: '0000:3b:00.0', zone: 0, resource: 'openshift.io/fast', network: undefined, linkUp: true, vfs: 4 },
      { address: '0000:5e:00.0', zone: 0, resource: 'openshift.io/fast', network: undefined, linkUp: false, vfs: 2 },
    ]);
  });

  it('has VMs taken off what pods can be given, once, and never more free than its topology says', () => {
    const { ledger, standIns, pages } = rig();
    standIns.setTopology('a', topologyFacts(TOPOLOGY));
    ledger.setPod('ns/vm', boundVm(512));
    expect(pages()).toEqual([1024, 1024]);
    ledger.setPod('ns/vm', boundVm(1536));
    expect(pages()).toEqual([512, 1024]);
  });

  it('with a report goes by that, whatever came first, and by the topology again when it is gone', () => {
    const { standIns, pages } = rig();
    standIns.setReport('a', own);
    standIns.setTopology('a', topologyFacts(TOPOLOGY));
    expect(pages()).toEqual([7]);
    standIns.setReport('a', undefined);
    expect(pages()).toEqual([1024, 1024]);
    standIns.setReport('a', own);
    expect(pages()).toEqual([7]);
  });

  it('whose topology is no longer heard of is as without any, until it is heard again; a report stays', () => {
    const { standIns, source } = rig();
    standIns.setTopology('a', topologyFacts(TOPOLOGY));
    standIns.setFresh(false);
    expect(source()).toBeUndefined();
    standIns.setFresh(true);
    expect(source()).toBe('NodeResourceTopology');
    standIns.setReport('a', own);
    standIns.setFresh(false);
    expect(source()).toBe('NodeReport');
  });
});
