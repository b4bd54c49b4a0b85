import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { eventually } from '../build/eventually.ts';
import { apply, getJson, kubectl } from './harness/kubectl.ts';
import { onLocalCluster, onNode, repositoryRoot, startFake } from './harness/local.ts';
import { vmPod } from './harness/objects.ts';
import { condition, deletePod, events, getPod } from './harness/vm.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';

const ns = useNamespace('e2e-sriov');
const NODE = 'node2';
const RESOURCE = 'example.com/vf';
/** Functions no machine has: everything up to QEMU's command line is real, and its end a clear word. */
const ADDRESSES = ['0000:fe:10.0', '0000:fe:10.4'];

/** Stands for the CNI plugin `sriov` with a function bound to vfio-pci: no interface, the MAC it was told as the one it has set. */
const CNI_PLUGIN = `#!/bin/sh
conf=$(cat)
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}' ;;
ADD) mac=$(printf %s "$conf" | sed -n 's/.*"mac":"\\([0-9a-f:]*\\)".*/\\1/p')
  printf '{"cniVersion":"1.0.0","interfaces":[{"name":"%s","mac":"%s","sandbox":"%s"}]}' "$CNI_IFNAME" "$mac" "$CNI_NETNS" ;;
esac
`;

let endPlugin = (): void => undefined;
let binaries = '';

if (onLocalCluster) {
  beforeAll(async () => {
    const config = readFileSync(join(repositoryRoot, `.cluster/config/${NODE}/containerd.toml`), 'utf8');
    binaries = /bin_dirs = \["([^"]+)"/.exec(config)?.[1] ?? '';
    // On this node alone: the directory belongs to all checkouts of this machine.
    const layer = `mkdir -p /run/cni-up /run/cni-work && mount -t overlay -o lowerdir=${binaries},upperdir=/run/cni-up,workdir=/run/cni-work overlay ${binaries}`;
    await onNode(NODE, 'sh', '-c', `${layer} && printf %s "$0" > ${binaries}/sriov && chmod 755 ${binaries}/sriov`, CNI_PLUGIN);
    endPlugin = await startFake(NODE, 'sriov-device-plugin.ts', RESOURCE, ...ADDRESSES);
    await kubectl(['label', 'node', NODE, 'example.com/rack=r1', '--overwrite']);
  }, 60_000);
  afterAll(async () => {
    endPlugin();
    await kubectl(['label', 'node', NODE, 'example.com/rack-']);
    await onNode(NODE, 'umount', '-l', binaries);
  }, 60_000);
}

interface Status {
  readonly interface: string;
  readonly mac?: string;
  readonly 'device-info'?: { readonly pci?: { readonly 'pci-address'?: string } };
}

localVmTest('two virtual functions: requested, placed, told to CNI and QEMU; what is missing on the node is said', ns, async () => {
  await eventually('the node offers the functions', async () => {
    const node = await getJson<{ status: { allocatable: Record<string, string> } }>(['node', NODE]);
    return node.status.allocatable[RESOURCE] === '2';
  });
  await apply(
    ns,
    {
      apiVersion: 'k8s.cni.cncf.io/v1',
      kind: 'NetworkAttachmentDefinition',
      metadata: {
        name: 'fast',
        annotations: { 'k8s.v1.cni.cncf.io/resourceName': RESOURCE, 'k8s.v1.cni.cncf.io/nodeSelector': 'example.com/rack=r1' },
      },
      spec: { config: JSON.stringify({ cniVersion: '1.0.0', name: 'fast', type: 'sriov', capabilities: { mac: true } }) },
    },
    vmPod('racer', { annotations: { 'k8s.v1.cni.cncf.io/networks': 'fast,fast@data0' } }),
  );
  const pod = await eventually('the agent says what is missing', async () => {
    const one = await getPod(ns, 'racer');
    return condition(one, 'podvisor.dev/guest-ready')?.reason === 'FunctionUnavailable' ? one : undefined;
  }, 60_000);

  expect(pod.spec.nodeName).toBe(NODE);
  expect(pod.spec.containers[0]?.['resources']).toMatchObject({ limits: { [RESOURCE]: '2' }, requests: { [RESOURCE]: '2' } });
  const status = JSON.parse(pod.metadata.annotations!['k8s.v1.cni.cncf.io/network-status']!) as Status[];
  const guest = JSON.parse(pod.metadata.annotations!['podvisor.dev/guest']!) as { networks: { mac: string; binding: string }[] };
  const [, ...functions] = status;
  expect(functions.map((one) => one.interface)).toEqual(['net1', 'data0']);
  expect(functions.map((one) => one.mac)).toEqual(guest.networks.slice(1).map(({ mac }) => mac));
  expect(guest.networks.slice(1).map(({ binding }) => binding)).toEqual(['sriov', 'sriov']);
  const addresses = functions.map((one) => one['device-info']?.pci?.['pci-address']);
  expect([...addresses].sort()).toEqual(ADDRESSES);

  const environment = await kubectl(['exec', '-n', ns, 'racer', '-c', 'guest', '--', 'env']);
  const given = /^PCIDEVICE_EXAMPLE_COM_VF=(.*)$/m.exec(environment)?.[1]?.trim().split(',') ?? [];
  expect(given.sort()).toEqual(ADDRESSES);
  const message = condition(pod, 'podvisor.dev/guest-ready')?.message ?? '';
  expect(message).toContain(`network '${ns}/fast' (net1, ${RESOURCE}): the node has no PCI function ${String(addresses[0])}`);
  await eventually('an Event says so too', async () => (await events(ns, 'racer')).some((one) => one.startsWith('FunctionUnavailable')));
  await deletePod(ns, 'racer');
}); // prettier-ignore
