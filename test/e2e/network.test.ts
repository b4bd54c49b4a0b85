import { expect } from '@jest/globals';
import { apply } from './harness/kubectl.ts';
import { vmPod } from './harness/objects.ts';
import { runInGuest } from './harness/console.ts';
import { deletePod, waitReady } from './harness/vm.ts';
import { useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-network');
const MAC = '02:00:00:00:12:34';

const attachment = {
  apiVersion: 'k8s.cni.cncf.io/v1',
  kind: 'NetworkAttachmentDefinition',
  metadata: { name: 'blue' },
  spec: { config: JSON.stringify({ cniVersion: '1.0.0', name: 'blue', type: 'bridge', bridge: 'br-blue', ipam: {} }) },
};

vmTest('a second network through Multus: the guest has the requested MAC and talks over it', ns, async () => {
  const networks = (mac?: string): string => JSON.stringify([{ name: 'blue', namespace: ns, ...(mac ? { mac } : {}) }]);
  const together = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [onSameNodeAs('one')] } };
  await apply(
    ns,
    attachment,
    vmPod('one', { annotations: { 'k8s.v1.cni.cncf.io/networks': networks(MAC) } }),
    vmPod('two', { annotations: { 'k8s.v1.cni.cncf.io/networks': 'blue@net7' }, pod: { affinity: together } }),
  );
  await waitReady(ns, 'one');
  await waitReady(ns, 'two');
  expect(await runInGuest(ns, 'one', 'cat /sys/class/net/eth1/address')).toBe(MAC);
  await runInGuest(ns, 'one', 'ip addr add 192.168.77.1/24 dev eth1; ip link set eth1 up');
  const ping = await runInGuest(
    ns,
    'two',
    'ip addr add 192.168.77.2/24 dev eth1; ip link set eth1 up; ping -c 3 -W 2 192.168.77.1',
  );
  expect(ping).toMatch(/[123] packets received/);
  await deletePod(ns, 'one');
  await deletePod(ns, 'two');
});

vmTest('the guest resolves and reaches Services of the cluster', ns, async () => {
  await apply(ns, vmPod('outward'));
  await waitReady(ns, 'outward');
  const answer = await runInGuest(ns, 'outward', 'nslookup kubernetes.default.svc.cluster.local');
  expect(answer).toMatch(/10\.96\.0\.1\b/);
  expect(await runInGuest(ns, 'outward', 'echo | nc -w 3 10.96.0.1 443 && echo open')).toContain('open');
  await deletePod(ns, 'outward');
});

function onSameNodeAs(app: string): object {
  return { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app } } };
}
