import { afterAll, beforeAll, expect } from '@jest/globals';
import { eventually } from '../build/eventually.ts';
import { apply, kubectl } from './harness/kubectl.ts';
import { onLocalCluster, onNode } from './harness/local.ts';
import { plainPod, service, vmPod } from './harness/objects.ts';
import { runInGuest } from './harness/console.ts';
import { fetchThroughPortForward } from './harness/port-forward.ts';
import { deletePod, events, getPod, guestReport, type PodView, waitReady } from './harness/vm.ts';
import { localVmTest, useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-bindings');
const NODES = { node1: '10.89.0.11', node2: '10.89.0.12' };

const attachment = (name: string, config: object): object => ({
  apiVersion: 'k8s.cni.cncf.io/v1',
  kind: 'NetworkAttachmentDefinition',
  metadata: { name },
  spec: { config: JSON.stringify({ cniVersion: '1.0.0', name, ...config }) },
});

const addressIn = async (pod: string, link: string): Promise<string> =>
  runInGuest(ns, pod, `ip -4 -o addr show ${link} | awk '{print $4}'`);

/** Probes, Services, port-forward, and out of the guest: what every binding of the pod network owes. */
async function reachedAsAnyPod(name: string): Promise<PodView> {
  await apply(ns, service(name));
  const pod = await waitReady(ns, name);
  await waitReady(ns, 'client');
  expect((await guestReport(ns, 'client', pod.status.podIP!))['hostname']).toBe(name);
  expect((await eventually('the Service has a name', () => guestReport(ns, 'client', name)))['hostname']).toBe(name);
  expect(await fetchThroughPortForward(ns, name, 80)).toMatch(new RegExp(`^${name} `));
  expect(await runInGuest(ns, name, 'nslookup kubernetes.default.svc.cluster.local')).toMatch(/10\.96\.0\.1\b/);
  expect(await runInGuest(ns, name, 'echo | nc -w 3 10.96.0.1 443 && echo open')).toContain('open');
  return pod;
}

beforeAll(async () => {
  await apply(ns, plainPod('client'));
}, 60_000);

vmTest('bridge on the pod network: the guest owns the pod’s address and is reached as any pod is', ns, async () => {
  await apply(ns, vmPod('owner', { annotations: { 'podvisor.dev/networks': 'pod=bridge' } }));
  const pod = await reachedAsAnyPod('owner');
  expect(await addressIn('owner', 'eth0')).toMatch(new RegExp(`^${pod.status.podIP!}/`));
  const status = JSON.parse(pod.metadata.annotations!['k8s.v1.cni.cncf.io/network-status']!) as { mac?: string }[];
  expect(await runInGuest(ns, 'owner', 'cat /sys/class/net/eth0/address')).toBe(status[0]?.mac);
  await deletePod(ns, 'owner');
});

vmTest(
  'passt: the guest speaks with the pod’s own sockets, no rule or bridge is in the pod, and passt that ends is started again',
  ns,
  async () => {
    await apply(ns, vmPod('passes', { annotations: { 'podvisor.dev/networks': 'pod=passt' } }));
    const pod = await reachedAsAnyPod('passes');
    expect(await addressIn('passes', 'eth0')).toMatch(new RegExp(`^${pod.status.podIP!}/`));
    // Its own crashes look so from outside.
    const crash = 'for p in /proc/[0-9]*; do case $(cat $p/comm) in passt*) kill -KILL ${p#/proc/} ;; esac; done';
    await kubectl(['exec', '-n', ns, 'passes', '-c', 'guest', '--', 'sh', '-c', crash]);
    await eventually('an Event says so', async () =>
      (await events(ns, 'passes')).some((one) => one.startsWith('NetworkRestarted')),
    );
    await eventually(
      'the guest is reached again',
      async () => (await guestReport(ns, 'client', pod.status.podIP!))['hostname'] === 'passes',
    );
    await deletePod(ns, 'passes');
  },
);

// A link between the nodes for the bridges of this test, as an administrator would make one.
if (onLocalCluster) {
  beforeAll(async () => {
    for (const [node, own] of Object.entries(NODES)) {
      const other = Object.values(NODES).find((address) => address !== own)!;
      const script = `ip link add br-two type bridge && ip link set br-two up &&
        ip link add vx-two type vxlan id 77 local ${own} remote ${other} dstport 4790 &&
        ip link set vx-two master br-two up`;
      await onNode(node, 'sh', '-c', script);
    }
  });
  afterAll(async () => {
    for (const node of Object.keys(NODES)) await onNode(node, 'sh', '-c', 'ip link delete vx-two; ip link delete br-two; true');
  });
}

localVmTest('bridge and macvtap on secondary networks, between guests with two vCPUs on two nodes', ns, async () => {
  const networks = JSON.stringify([{ name: 'two' }, { name: 'flat' }]);
  const guest = (node: string) => ({
    annotations: { 'k8s.v1.cni.cncf.io/networks': networks },
    guest: { resources: { limits: { memory: '128Mi', cpu: '2' }, requests: { cpu: '100m' } } },
    pod: { nodeSelector: { 'kubernetes.io/hostname': node } },
  });
  await apply(
    ns,
    attachment('two', { type: 'bridge', bridge: 'br-two', ipam: {} }),
    attachment('flat', { type: 'macvlan', master: 'eth0', mode: 'bridge', ipam: {} }),
    vmPod('left', guest('node1')),
    vmPod('right', guest('node2')),
  );
  for (const [pod, last] of [['left', 1], ['right', 2]] as const) {
    await waitReady(ns, pod);
    const up = (link: string, net: number): string => `ip addr add 192.168.${net}.${last}/24 dev ${link}; ip link set ${link} up`;
    await runInGuest(ns, pod, `${up('eth1', 78)}; ${up('eth2', 79)}`);
    const macs = await runInGuest(ns, pod, 'cat /sys/class/net/eth1/address /sys/class/net/eth2/address');
    const stored = JSON.parse((await getPod(ns, pod)).metadata.annotations!['podvisor.dev/guest']!) as { networks: { mac: string; binding: string }[] };
    expect(stored.networks.map(({ binding }) => binding)).toEqual(['masquerade', 'bridge', 'macvtap']);
    expect(macs.split(/\s+/)).toEqual(stored.networks.slice(1).map(({ mac }) => mac));
    expect(await runInGuest(ns, pod, 'ls -d /sys/class/net/eth?/queues/tx-1 | wc -l')).toBe('3');
  } // prettier-ignore
  for (const net of [78, 79]) {
    expect(await runInGuest(ns, 'right', `ping -c 3 -W 2 192.168.${net}.1`)).toMatch(/[123] packets received/);
  }
  await deletePod(ns, 'left');
  await deletePod(ns, 'right');
});
