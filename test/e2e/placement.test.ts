import { afterAll, beforeAll, expect } from '@jest/globals';
import { PLAN_ANNOTATION } from '../../api/names.ts';
import type { NodeReport } from '../../api/node-report.ts';
import { eventually } from '../build/eventually.ts';
import { runInGuest } from './harness/console.ts';
import { apply, getJson, kubectl } from './harness/kubectl.ts';
import { onLocalCluster, onNode, startFake } from './harness/local.ts';
import { useLocalDisks } from './harness/local-disks.ts';
import { blockClaim, plainPod, restrictedContainer, vmPod, vmWithDisks } from './harness/objects.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';
import { deletePod, getPod, waitReady } from './harness/vm.ts';

/**
 * Where VMs go, by real kubelets, agents and schedulers. Real: huge pages (one pool of 2Mi pages for both nodes, which share a kernel) and local volumes
 * on loop devices. Fake: the SR-IOV device plugin, the physical function in the agent's view of sysfs, and the driver whose CSIStorageCapacity there is.
 */

const ns = useNamespace('e2e-placement');
const NODES = ['node1', 'node2'] as const;
const RESOURCE = 'example.com/portvf';
const PORT = '0000:fd:00.0';
const VFS = ['0000:fd:10.0', '0000:fd:10.2'];
const CLASS = 'e2e-pool';
/** A report is written within ten seconds; what the kubelet has given away is looked at each half minute. */
const SOON_MS = 60_000;

/** A port with two functions, in the agent's own view of the node's sysfs: no machine here has one. */
const IN_AGENT = `pid=$(pgrep -f /app/agent.js | head -n 1); devices=/proc/$pid/root/host/sysfs/bus/pci/devices; in_agent="nsenter -t $pid --mount --root=/ --";`;
const SYSFS = `${IN_AGENT} $in_agent mount -c -t tmpfs tmpfs $devices && mkdir $devices/${PORT} && cd $devices/${PORT} && echo 2 >sriov_totalvfs &&
  echo 0 >numa_node && ln -s ../${VFS[0]!} virtfn0 && ln -s ../${VFS[1]!} virtfn1`;
const NO_SYSFS = `${IN_AGENT} $in_agent umount -c -l $devices; true`;

useLocalDisks(ns, NODES);
const ends: (() => void)[] = [];
if (onLocalCluster) {
  beforeAll(async () => {
    ends.push(await startFake('node2', 'sriov-device-plugin.ts', RESOURCE, ...VFS));
    await onNode('node2', 'sh', '-c', SYSFS);
    await apply(ns, ...pool());
  }, 60_000);
  afterAll(async () => {
    for (const end of ends) end();
    await onNode('node2', 'sh', '-c', NO_SYSFS);
    await kubectl(['delete', `sc/${CLASS}`, `csidriver/${CLASS}.example.com`, '--ignore-not-found', '--wait=false']);
  }, 60_000);
} // prettier-ignore

/** A pool of 1Gi on each node, by a driver that nobody runs: nothing is ever made. */
function pool(): readonly object[] {
  const provisioner = `${CLASS}.example.com`;
  const meta = { apiVersion: 'storage.k8s.io/v1' };
  const capacities = NODES.map((node) => ({
    ...meta,
    kind: 'CSIStorageCapacity',
    metadata: { name: `e2e-${node}` },
    storageClassName: CLASS,
    capacity: '1Gi',
    maximumVolumeSize: '1Gi',
    nodeTopology: { matchLabels: { 'kubernetes.io/hostname': node } },
  }));
  return [
    { ...meta, kind: 'CSIDriver', metadata: { name: provisioner }, spec: { storageCapacity: true, attachRequired: false } },
    { ...meta, kind: 'StorageClass', metadata: { name: CLASS }, provisioner, volumeBindingMode: 'WaitForFirstConsumer' },
    ...capacities,
    ...['one', 'two'].map((name) => blockClaim(name, '700Mi', { storageClassName: CLASS })),
  ];
}

const PAGES = { resources: { limits: { 'hugepages-2Mi': '128Mi' }, requests: { cpu: '100m' } } };
const IN_ZONE_0 = '{"zones":[{"id":0,"cpus":0,"amount":64}],"functions":[]}';

/** A VM of 64 huge pages on that node. */
function vmOfPages(name: string, node: string): object {
  return vmPod(name, { guest: PAGES, pod: { nodeSelector: { 'kubernetes.io/hostname': node } } });
}

/** As another scheduler does it: nobody asks our extender, and the plan is whatever it says. */
async function bind(name: string, node: string, plan: string): Promise<void> {
  const metadata = { name, annotations: { [PLAN_ANNOTATION]: plan } };
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata, target: { apiVersion: 'v1', kind: 'Node', name: node } };
  await kubectl(['create', '--raw', `/api/v1/namespaces/${ns}/pods/${name}/binding`, '-f', '-'], { input: JSON.stringify(binding) });
} // prettier-ignore

/** Zones that QEMU's process may have memory of, as the kernel says (proc_pid_status(5)). */
async function zonesOfQemu(node: string, uid: string): Promise<string> {
  const find = `for p in $(grep -l 'pod${uid}' /proc/[0-9]*/cgroup); do p=\${p%/cgroup}; case $(cat $p/comm) in qemu*) grep Mems_allowed_list $p/status;; esac; done`;
  return (await onNode(node, 'sh', '-c', find)).replace(/^.*:\s*/, '').trim();
}

/** Waits until `kubectl describe pod` says so. */
async function described(pod: string, text: RegExp | string): Promise<void> {
  const isSaid = async (): Promise<boolean> => {
    const shown = await kubectl(['describe', 'pod', pod, '-n', ns]);
    return typeof text === 'string' ? shown.includes(text) : text.test(shown);
  };
  await eventually(`kubectl describe pod ${pod} says: ${String(text)}`, isSaid, 30_000);
}

async function reported(node: string, what: string, isSo: (status: NonNullable<NodeReport['status']>) => boolean): Promise<void> {
  const check = async (): Promise<boolean> => {
    const { status } = await getJson<NodeReport>(['nodereport', node]);
    return status !== undefined && isSo(status);
  };
  await eventually(`the report of ${node} has ${what}`, check, SOON_MS);
} // prettier-ignore

localVmTest('a VM follows its disk, whichever node that is on, and reads it', ns, async () => {
  await apply(ns, ...NODES.map((node) => vmWithDisks(`at-${node}`, `disk-${node}`)));
  for (const node of NODES) {
    await waitReady(ns, `at-${node}`);
    expect((await getPod(ns, `at-${node}`)).spec.nodeName).toBe(node);
    expect(await runInGuest(ns, `at-${node}`, 'head -c 13 /dev/vdb')).toBe(`disk of ${node}`);
  }
  await Promise.all(NODES.map((node) => deletePod(ns, `at-${node}`)));
});

localVmTest('a pool with room for each disk but not for both: the VM waits, and kubectl describe says what is free and needed', ns, async () => {
  await apply(ns, vmWithDisks('two-disks', 'one', 'two'));
  await described('two-disks', `pool of storage class ${CLASS} has 1 GiB free, guest's 2 new disks need 1.3 GiB`);
  await deletePod(ns, 'two-disks');
}); // prettier-ignore

localVmTest('huge pages that are left in a zone are too few: the VM waits, and kubectl describe says how many there are', ns, async () => {
  await apply(ns, vmOfPages('first', 'node2'));
  await waitReady(ns, 'first');
  // One kernel, one pool: what the guest on node2 holds is missing on node1, which its kubelet does not know and its agent does.
  await reported('node1', '32 free pages', ({ zones }) => zones[0]?.hugepages['2Mi']?.free === 32);
  await apply(ns, vmOfPages('second', 'node1'));
  await described('second', 'zone 0 has 32 free 2Mi pages, guest needs 64 in one zone');
  await deletePod(ns, 'second');
}); // prettier-ignore

localVmTest('memory is where the scheduler planned it: by the plan on the pod, the kernel, and the report', ns, async () => {
  const { uid, annotations = {} } = (await getPod(ns, 'first')).metadata;
  expect(annotations[PLAN_ANNOTATION]).toBe(IN_ZONE_0);
  // All nodes here have one zone, so the kernel can say nothing else. The report counts pages.
  expect(await zonesOfQemu('node2', uid)).toBe('0');
  const { status } = await getJson<NodeReport>(['nodereport', 'node2']);
  expect(status?.vms.find(({ podUid }) => podUid === uid)?.zones).toMatchObject([{ id: 0, hugepages: { '2Mi': 64 } }]);
});

localVmTest('a VM that requires its zone waits on its node while others have the pages of it, says so, and starts when they are there', ns, async () => {
  const annotations = { 'placement.podvisor.dev/hugepages': 'require' };
  await apply(ns, vmPod('past', { guest: PAGES, annotations, pod: { schedulerName: 'e2e-nobody' } }));
  await bind('past', 'node1', IN_ZONE_0);
  await described('past', /MemoryUnavailable .*must be in zone 0 as planned, and cannot: zone 0 has 32 2Mi pages free, 64 2Mi pages were planned there/);
  await deletePod(ns, 'first');
  await waitReady(ns, 'past');
  await described('past', /GuestStarted .*The guest runs(?!.*not bound)/);
  await deletePod(ns, 'past');
}); // prettier-ignore

localVmTest('virtual functions: two on ports of their own where there is one port, and any when all are taken: reasons of both', ns, async () => {
  await reported('node2', 'the port', ({ functions }) => functions.some(({ resource, vfs }) => resource === RESOURCE && vfs.free === 2));
  const annotations = { 'k8s.v1.cni.cncf.io/resourceName': RESOURCE };
  const config = JSON.stringify({ cniVersion: '1.0.0', name: 'port', type: 'sriov', capabilities: { mac: true } });
  const network = { apiVersion: 'k8s.cni.cncf.io/v1', kind: 'NetworkAttachmentDefinition', metadata: { name: 'port', annotations }, spec: { config } };
  const networks = { 'k8s.v1.cni.cncf.io/networks': 'port,port@data0' };
  await apply(ns, network, vmPod('bond', { annotations: { ...networks, 'placement.podvisor.dev/sriov': 'require' } }));
  await described('bond', `${PORT} has 2 free VFs of ${RESOURCE}, guest needs 2, each on a physical function of its own with carrier`);
  const holds = { name: 'main', image: 'localhost/podvisor/plain:dev', command: ['sleep', '3600'], securityContext: restrictedContainer, resources: { limits: { [RESOURCE]: '2' } } };
  await apply(ns, plainPod('holder', [], { containers: [holds] }));
  await kubectl(['wait', '--for=condition=Ready', 'pod/holder', '-n', ns, '--timeout=60s']);
  await apply(ns, vmPod('late', { annotations: { 'k8s.v1.cni.cncf.io/networks': 'port' } }));
  await described('late', `Insufficient ${RESOURCE}`);
  await Promise.all(['bond', 'holder', 'late'].map((name) => deletePod(ns, name)));
}); // prettier-ignore
