import type { NodeReportStatus } from '../../../api/node-report.ts';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import { eventually } from '../../build/eventually.ts';
import { install, uninstall } from '../definitions.ts';
import { createBoundVolume, createClassThere, withDisks } from './disks.ts';
import { addNode as createNode, createPod, podsOf, vmTemplate, waitingReason, type PodTemplate } from './objects.ts';
import { metricOf, startRig, type SchedulerRig } from './rig.ts';

// Objects of other projects as their own definitions (dev/programs/definitions) let the API server keep them, read by the extender that upstream's scheduler asks.

const TOPOLOGIES = '/apis/topology.node.k8s.io/v1alpha2/noderesourcetopologies';
const STATES = '/apis/sriovnetwork.openshift.io/v1/namespaces/sriov-network-operator/sriovnetworknodestates';
const LONGHORN = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system';
const FAST = 'openshift.io/fast';

let rig: SchedulerRig;
beforeAll(async () => {
  rig = await startRig({ controllers: ['persistentvolume-binder-controller'] });
  for (const name of ['sriov-network-operator', 'longhorn-system'])
    await rig.client.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await createClassThere(rig.client);
}, 120_000);
afterAll(() => rig.stop(), 30_000);

/** Without a NodeReport, unless it is given one. */
const addNode = (name: string, allocatable: Record<string, string> = {}, report?: NodeReportStatus): Promise<void> =>
  createNode(rig.client, name, allocatable, report);

/** Whether the extender's metric says that the source is there. */
async function isPresent(source: string): Promise<boolean> {
  return (await metricOf(rig, `podvisor_placement_source_present{source="${source}"}`)) === 1;
}
const SOURCES = ['noderesourcetopologies', 'sriovnetworknodestates', 'longhorn'] as const;

type Amounts = Readonly<Record<string, number | string>>;
/** A zone as NFD's topology-updater writes it, all of it free; `others` are the distances of other zones. */
function zoneObject(id: number, amounts: Amounts, others: readonly number[] = []): object {
  const all = { cpu: 20, memory: '68719476736', ...amounts };
  const costs = [{ name: `node-${id}`, value: 10 }, ...others.map((other) => ({ name: `node-${other}`, value: 21 }))];
  const resources = Object.entries(all).map(([name, amount]) => ({ name, capacity: amount, allocatable: amount, available: amount }));
  return { name: `node-${id}`, type: 'Node', costs, resources };
} // prettier-ignore

const TOPOLOGY_MANAGER = [
  { name: 'topologyManagerPolicy', value: 'single-numa-node' },
  { name: 'topologyManagerScope', value: 'pod' },
];
const createTopology = (node: string, zones: readonly object[]): Promise<unknown> =>
  rig.client.create(TOPOLOGIES, {
    apiVersion: 'topology.node.k8s.io/v1alpha2',
    kind: 'NodeResourceTopology',
    metadata: { name: node },
    topologyPolicies: ['SingleNUMANodePodLevel'],
    attributes: TOPOLOGY_MANAGER,
    zones,
  });

interface Port {
  readonly pciAddress: string;
  readonly vfs: number;
  readonly linkAdminState: 'up' | 'down';
}
/** As sriov-network-operator writes it for a policy of four functions a port; of which `vfs` were made. */
async function createState(node: string, ports: readonly Port[]): Promise<void> {
  const kind = { apiVersion: 'sriovnetwork.openshift.io/v1', kind: 'SriovNetworkNodeState' };
  const group = { deviceType: 'vfio-pci', policyName: 'fast', resourceName: 'fast', vfRange: '0-3' };
  const wanted = ports.map(({ pciAddress }) => ({ name: nameOf(pciAddress), pciAddress, numVfs: 4, vfGroups: [group] }));
  await rig.client.create(STATES, { ...kind, metadata: { name: node }, spec: { interfaces: wanted } });
  const interfaces = ports.map(({ pciAddress, vfs, linkAdminState }) => {
    const Vfs = Array.from({ length: vfs }, (_, vfID) => ({ pciAddress: `${pciAddress.slice(0, 8)}0${Number(pciAddress.slice(-1)) + 1}.${vfID}`, vfID, driver: 'vfio-pci', vendor: '8086', deviceID: '1889' }));
    return { name: nameOf(pciAddress), pciAddress, driver: 'ice', vendor: '8086', deviceID: '1592', linkType: 'ETH', linkAdminState, numVfs: vfs, totalvfs: 128, Vfs };
  });
  const body = { status: { interfaces, syncStatus: 'Succeeded' } };
  await rig.client.patch(`${STATES}/${node}`, { type: 'merge', body, subresource: 'status' });
} // prettier-ignore
const nameOf = (pciAddress: string): string => `ens1f${pciAddress.slice(-1)}`;

const longhorn = (plural: string, object: object): Promise<unknown> =>
  rig.client.create(`${LONGHORN}/${plural}`, { apiVersion: 'longhorn.io/v1beta2', ...object });
/** As longhorn-manager writes a volume with two replicas. */
async function createLonghorn(name: string, replicas: Readonly<Record<string, object>>): Promise<void> {
  const spec = { size: '3221225472', frontend: 'blockdev', numberOfReplicas: 2, dataLocality: 'disabled', accessMode: 'rwo', dataEngine: 'v1', Standby: false, nodeID: '' };
  await longhorn('volumes', { kind: 'Volume', metadata: { name }, spec });
  for (const [nodeID, times] of Object.entries(replicas)) {
    const labels = { longhornvolume: name, longhornnode: nodeID };
    const instance = { volumeName: name, volumeSize: '3221225472', nodeID, desireState: 'stopped', dataEngine: 'v1', active: true };
    const disk = { diskPath: '/var/lib/longhorn', dataDirectoryName: `${name}-1c8a5b6d`, engineName: `${name}-e-0`, hardNodeAffinity: '', healthyAt: '', failedAt: '' };
    await longhorn('replicas', { kind: 'Replica', metadata: { name: `${name}-r-${nodeID}`, labels }, spec: { ...instance, ...disk, ...times } });
  }
  await createBoundVolume(rig.client, name, { csi: { driver: 'driver.longhorn.io', volumeHandle: name } });
} // prettier-ignore

const pages = (round: string, count: number): PodTemplate =>
  vmTemplate(round, { 'hugepages-2Mi': `${count * 2}Mi` }, { hugepages: '2Mi', memoryBytes: count * 2 ** 21 });
const BOND: GuestSpec['networks'] = [
  { name: 'pod', interface: 'eth0', binding: 'masquerade' },
  { name: 'default/left', interface: 'net1', binding: 'sriov', resource: FAST },
  { name: 'default/right', interface: 'net2', binding: 'sriov', resource: FAST },
];
const bond = (round: string): PodTemplate =>
  vmTemplate(round, { [FAST]: '2' }, { networks: BOND, placement: { sriov: 'require' } });
const disk = (round: string, claim: string): PodTemplate =>
  withDisks(vmTemplate(round, {}, { placement: { storage: 'require' } }), [claim]);

const create = (name: string, template: PodTemplate): Promise<unknown> => createPod(rig.client, name, template);
const nodeOf = (round: string, name: string): Promise<string> =>
  eventually(
    `${name} is bound`,
    async () => (await podsOf(rig.client, round)).find(({ metadata }) => metadata.name === name)?.spec.nodeName,
  );
/** The message of condition PodScheduled, which `kubectl describe pod` shows as Event, once it is of the guest. */
const refusal = (round: string, name: string): Promise<string> =>
  eventually(`${name} is told why it waits`, async () => {
    const message = (await podsOf(rig.client, round)).filter(({ metadata }) => metadata.name === name).map(waitingReason)[0];
    return message?.includes('guest') === true && message;
  });

test('kinds that are installed after the extender has started are found', async () => {
  for (const source of SOURCES) expect(await isPresent(source)).toBe(false);
  await install(rig.client, 'nodeResourceTopologies', 'sriovNodeStates', 'longhornReplicas', 'longhornVolumes');
  for (const source of SOURCES) await eventually(`${source} is there`, async () => isPresent(source));
}, 90_000);

describe('NodeResourceTopology', () => {
  const round = 'zones';

  test('a VM goes where a zone has its pages, and waits with the reason elsewhere', async () => {
    const size = { 'hugepages-2Mi': '1200Mi' };
    for (const name of ['zones-a', 'zones-b']) await addNode(name, size);
    // As text and as number: the definition allows both.
    await createTopology('zones-a', [zoneObject(0, { 'hugepages-2Mi': '600Mi' }, [1]), zoneObject(1, { 'hugepages-2Mi': 600 * 2 ** 20 }, [0])]);
    await createTopology('zones-b', [zoneObject(0, { 'hugepages-2Mi': '1258291200' }, [1]), zoneObject(1, { 'hugepages-2Mi': 0 }, [0])]);
    await create('zones-large', pages(round, 400));
    expect(await nodeOf(round, 'zones-large')).toBe('zones-b');
    await create('zones-larger', pages(round, 500));
    expect(await refusal(round, 'zones-larger')).toContain('1 zone 0 has 300 and zone 1 has 300 free 2Mi pages, guest needs 500 in one zone');
  }, 90_000); // prettier-ignore

  test('what the API server keeps of it is followed: a zone that has room now takes who waits', async () => {
    const zones = [zoneObject(0, { 'hugepages-2Mi': '1200Mi' }, [1]), zoneObject(1, { 'hugepages-2Mi': '0' }, [0])];
    await rig.client.patch(`${TOPOLOGIES}/zones-a`, { type: 'merge', body: { zones } });
    expect(await nodeOf(round, 'zones-larger')).toBe('zones-a');
  }, 60_000);
});

test('SriovNetworkNodeState: a bond goes where two ports are up and have functions made, and waits with the reason elsewhere', async () => {
  const port = (pciAddress: string, vfs: number, linkAdminState: Port['linkAdminState'] = 'up'): Port => ({ pciAddress, vfs, linkAdminState });
  for (const [node, ports] of [
    ['ports-a', [port('0000:3b:00.0', 4), port('0000:3b:00.1', 4, 'down')]],
    ['ports-b', [port('0000:5e:00.0', 4), port('0000:5e:00.1', 1)]],
  ] as const) {
    await addNode(node, { [FAST]: '8' });
    await createState(node, ports);
    await createTopology(node, [zoneObject(0, { [FAST]: 8 }, [1]), zoneObject(1, {}, [0])]);
  }
  await create('ports-one', bond('ports'));
  expect(await nodeOf('ports', 'ports-one')).toBe('ports-b');
  await create('ports-two', bond('ports'));
  const reason = await refusal('ports', 'ports-two');
  const needs = 'guest needs 2, each on a physical function of its own with carrier';
  expect(reason).toContain(`1 0000:3b:00.0 has 4 and 0000:3b:00.1 (no carrier) has 4 free VFs of ${FAST}, ${needs}`);
  expect(reason).toContain(`1 0000:5e:00.0 has 3 and 0000:5e:00.1 has 0 free VFs of ${FAST}, ${needs}`);
}, 90_000); // prettier-ignore

describe('Longhorn', () => {
  const healthy = { healthyAt: '2026-11-21T10:00:00Z', lastHealthyAt: '2026-11-21T10:00:00Z' };
  const failed = { ...healthy, failedAt: '2026-11-21T11:00:00Z', lastFailedAt: '2026-11-21T11:00:00Z' };

  test('a VM goes to a healthy replica, and waits when none of its disks has one', async () => {
    for (const name of ['disks-a', 'disks-b', 'disks-c']) await addNode(name);
    await createLonghorn('healthy', { 'disks-a': failed, 'disks-c': healthy });
    // One that is being rebuilt, and one that failed.
    await createLonghorn('failed', { 'disks-a': { lastHealthyAt: healthy.healthyAt }, 'disks-b': failed });
    await create('disks-follows', disk('disks', 'healthy'));
    expect(await nodeOf('disks', 'disks-follows')).toBe('disks-c');
    await create('disks-nowhere', disk('disks', 'failed'));
    expect(await refusal('disks', 'disks-nowhere')).toContain("3 it has no copy of guest's disk, and the guest requires its disks there");
  }, 90_000); // prettier-ignore

  test('a replica that is healthy again takes who waits', async () => {
    const body = { spec: { failedAt: '', ...healthy } };
    await rig.client.patch(`${LONGHORN}/replicas/failed-r-disks-b`, { type: 'merge', body });
    // The scheduler does not see that; it looks again at anything it does see, and the extender by itself within half a minute.
    await rig.client.patch('/api/v1/nodes/disks-b', { type: 'merge', body: { metadata: { labels: { seen: 'yes' } } } });
    expect(await nodeOf('disks', 'disks-nowhere')).toBe('disks-b');
  }, 60_000);
});

test('a kind that is removed while the extender runs refuses nobody any more, and is found again when it is back', async () => {
  const [source] = SOURCES;
  await addNode('gone-a', { 'hugepages-2Mi': '1200Mi' });
  await createTopology(
    'gone-a',
    [0, 1].map((id) => zoneObject(id, { 'hugepages-2Mi': '600Mi' })),
  );
  await create('gone-large', pages('gone', 500));
  expect(await refusal('gone', 'gone-large')).toContain('guest needs 500 in one zone');
  await uninstall(rig.client, 'nodeResourceTopologies');
  expect(await nodeOf('gone', 'gone-large')).toBe('gone-a');
  await eventually(`${source} is gone`, async () => !(await isPresent(source)));
  await install(rig.client, 'nodeResourceTopologies');
  await eventually(`${source} is there`, async () => isPresent(source));
}, 90_000);
