import { afterAll, beforeAll, expect } from '@jest/globals';
import { eventually } from '../build/eventually.ts';
import { apply, getJson, kubectl } from './harness/kubectl.ts';
import { onLocalCluster, onNode, startFake } from './harness/local.ts';
import { vmPod } from './harness/objects.ts';
import { condition, deletePod, events, getPod, type PodView, waitTerminated } from './harness/vm.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';

const ns = useNamespace('e2e-devices');
const NODE = 'node2';
const RESOURCE = 'example.com/accelerator';
const DRIVER = 'accelerators.example.com';
/** Functions no machine has: everything up to QEMU's command line is real. */
const OF_PLUGIN = '0000:fe:01.0';
const OF_CLAIM = '0000:fe:02.0';
const GROUP = '4242';

const ends: (() => void)[] = [];

/** How containerd puts the nodes of VFIO into the container. This kernel has no VFIO, so they stand for nothing: opening them fails. */
const CDI = {
  cdiVersion: '0.6.0',
  kind: 'example.com/accelerator',
  devices: [
    {
      name: 'one',
      containerEdits: {
        deviceNodes: [
          { path: '/dev/vfio/vfio', type: 'c', major: 10, minor: 196 },
          { path: `/dev/vfio/${GROUP}`, type: 'c', major: 511, minor: 42 },
        ],
      },
    },
  ],
};

/** The agent's own view of sysfs, from the node: its image has no `mount`. */
const IN_AGENT = `pid=$(pgrep -f /app/agent.js | head -n 1); devices=/proc/$pid/root/sys/bus/pci/devices; in_agent="nsenter -t $pid --mount --root=/ --";`;
/** The function as the kernel would show it, there alone; and no failure of `prlimit`, because machines without CAP_SYS_RESOURCE may not raise what can be locked. */
const SYSFS = `${IN_AGENT} $in_agent mount -c -t tmpfs tmpfs $devices && mkdir $devices/${OF_CLAIM} && cd $devices/${OF_CLAIM} &&
  ln -s ../../drivers/vfio-pci driver && ln -s ../../../../kernel/iommu_groups/${GROUP} iommu_group && echo -1 >numa_node &&
  printf '#!/bin/sh\n' >$devices/prlimit && chmod 755 $devices/prlimit && $in_agent mount -c --bind $devices/prlimit /proc/$pid/root/usr/bin/prlimit`;
const NO_SYSFS = `${IN_AGENT} $in_agent umount -c -l $devices /proc/$pid/root/usr/bin/prlimit; true`;

const slice = {
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceSlice',
  metadata: { name: 'e2e-accelerators' },
  spec: {
    driver: DRIVER,
    nodeName: NODE,
    pool: { name: NODE, generation: 1, resourceSliceCount: 1 },
    devices: [{ name: 'one', attributes: { 'resource.kubernetes.io/pciBusID': { string: OF_CLAIM } } }],
  },
};
const deviceClass = {
  apiVersion: 'resource.k8s.io/v1',
  kind: 'DeviceClass',
  metadata: { name: DRIVER },
  spec: { selectors: [{ cel: { expression: `device.driver == '${DRIVER}'` } }] },
};
const claimTemplate = {
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceClaimTemplate',
  metadata: { name: 'accelerator' },
  spec: { spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: DRIVER } }] } } },
};
const claiming = (name: string): object => {
  const resources = { limits: { memory: '128Mi' }, requests: { cpu: '100m' }, claims: [{ name: 'accelerator' }] };
  const resourceClaims = [{ name: 'accelerator', resourceClaimTemplateName: 'accelerator' }];
  return vmPod(name, { guest: { resources }, pod: { resourceClaims } });
};

if (onLocalCluster) {
  beforeAll(async () => {
    await onNode(NODE, 'sh', '-c', 'mkdir -p /var/run/cdi && printf %s "$0" >/var/run/cdi/e2e.json', JSON.stringify(CDI));
    ends.push(await startFake(NODE, 'sriov-device-plugin.ts', RESOURCE, OF_PLUGIN));
    ends.push(await startFake(NODE, 'dra-driver.ts', DRIVER, NODE, 'one', 'example.com/accelerator=one'));
    await apply(ns, slice, deviceClass, claimTemplate);
  }, 60_000);
  afterAll(async () => {
    for (const end of ends) end();
    await onNode(NODE, 'sh', '-c', `rm -f /var/run/cdi/e2e.json; ${NO_SYSFS}`);
    await kubectl(['delete', 'resourceslice/e2e-accelerators', `deviceclass/${DRIVER}`, '--ignore-not-found']);
  }, 60_000);
}

function unavailable(name: string): Promise<PodView> {
  return eventually(`${name} is told what is missing`, async () => {
    const pod = await getPod(ns, name);
    return condition(pod, 'podvisor.dev/guest-ready')?.reason === 'DeviceUnavailable' ? pod : undefined;
  });
}

localVmTest('a PCI function of a device plugin: placed, found by the kubelet’s device id; what is missing on the node is said', ns, async () => {
  await eventually('the node offers the device', async () => {
    const node = await getJson<{ status: { allocatable: Record<string, string> } }>(['node', NODE]);
    return node.status.allocatable[RESOURCE] === '1';
  });
  const guest = { resources: { limits: { memory: '128Mi', [RESOURCE]: '1' }, requests: { cpu: '100m' } } };
  await apply(ns, vmPod('plugged', { annotations: { 'podvisor.dev/devices': RESOURCE }, guest }));
  const pod = await unavailable('plugged');
  expect(pod.spec.nodeName).toBe(NODE);
  expect(condition(pod, 'podvisor.dev/guest-ready')?.message).toContain(`resource ${RESOURCE}: the node has no PCI function ${OF_PLUGIN}`);
  await eventually('an Event says so too', async () => (await events(ns, 'plugged')).some((one) => one.startsWith('DeviceUnavailable')));
  await deletePod(ns, 'plugged');
}); // prettier-ignore

localVmTest('a ResourceClaim: allocated, prepared by its driver, found by its slice’s address; what is missing is said', ns, async () => {
  await apply(ns, claiming('claims'));
  const pod = await unavailable('claims');
  expect(pod.spec.nodeName).toBe(NODE);
  const { items } = await getJson<{ items: { status?: { allocation?: { devices: { results: object[] } } } }[] }>(['resourceclaims', '-n', ns]);
  expect(items.map(({ status }) => status?.allocation?.devices.results)).toMatchObject([[{ driver: DRIVER, pool: NODE, device: 'one' }]]);
  const message = condition(pod, 'podvisor.dev/guest-ready')?.message;
  expect(message).toContain(`device ${DRIVER}/${NODE}/one of a ResourceClaim: the node has no PCI function ${OF_CLAIM}`);
  await deletePod(ns, 'claims');
}); // prettier-ignore

localVmTest('a ResourceClaim whose function sysfs shows is in QEMU’s command line, and QEMU’s last words say what is missing', ns, async () => {
  await onNode(NODE, 'sh', '-c', SYSFS);
  await apply(ns, claiming('opens'));
  const { exitCode, message } = await waitTerminated(ns, 'opens', 90_000);
  expect([exitCode, message]).toEqual([69, expect.stringContaining(`-device vfio-pci,id=host0,host=${OF_CLAIM}`)]);
  await deletePod(ns, 'opens');
}); // prettier-ignore
