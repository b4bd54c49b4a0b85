import { afterAll, beforeAll, expect } from '@jest/globals';
import { apply, getJson, kubectl, tryKubectl } from './harness/kubectl.ts';
import { eventually } from '../build/eventually.ts';
import { plainPod, vmPod } from './harness/objects.ts';
import { runInGuest } from './harness/console.ts';
import { component } from './harness/local.ts';
import { deletePod, getPod, guestReport, guestStatus, podsOf, waitReady } from './harness/vm.ts';
import { localVmTest, useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-faults');
let ip = '';
let node = '';
let bootId = '';

beforeAll(async () => {
  await apply(ns, vmPod('steady'), plainPod('client'));
  const pod = await waitReady(ns, 'steady');
  await waitReady(ns, 'client');
  ip = pod.status.podIP!;
  node = pod.spec.nodeName!;
  bootId = (await guestReport(ns, 'client', ip))['boot_id']!;
}, 180_000);

afterAll(async () => {
  await tryKubectl(['delete', 'pod', 'steady', '-n', ns, '--timeout=60s']);
}, 90_000);

/** The guest never stopped: same boot, uptime went on, container never restarted. */
async function expectUndisturbed(uptimeBefore: number): Promise<void> {
  const report = await eventually('the guest answers', () => guestReport(ns, 'client', ip), 60_000);
  expect(report['boot_id']).toBe(bootId);
  expect(Number(report['uptime'])).toBeGreaterThan(uptimeBefore);
  expect(guestStatus(await getPod(ns, 'steady')).restartCount).toBe(0);
}

const uptime = async (): Promise<number> => Number((await guestReport(ns, 'client', ip))['uptime']);

async function agentPodOn(nodeName: string): Promise<{ metadata: { name: string } }> {
  const selector = 'app.kubernetes.io/name=podvisor-agent';
  const list = await getJson<{ items: { metadata: { name: string }; spec: { nodeName: string } }[] }>([
    'pods',
    '-n',
    'podvisor-agent',
    '-l',
    selector,
  ]);
  return list.items.find((pod) => pod.spec.nodeName === nodeName)!;
}

vmTest('agent killed and back: the guest runs on, the console answers, a new VM boots', ns, async () => {
  const before = await uptime();
  const old = (await agentPodOn(node)).metadata.name;
  await kubectl(['delete', 'pod', old, '-n', 'podvisor-agent', '--force', '--grace-period=0']);
  await expectUndisturbed(before);
  await eventually('a new agent', async () => {
    const next = await agentPodOn(node);
    return (
      next.metadata.name !== old &&
      (await tryKubectl(['wait', '--for=condition=Ready', `pod/${next.metadata.name}`, '-n', 'podvisor-agent', '--timeout=60s']))
        .code === 0
    );
  });
  expect(await runInGuest(ns, 'steady', 'echo here')).toBe('here');
  await apply(ns, vmPod('after-agent', { pod: { nodeSelector: { 'kubernetes.io/hostname': node } } }));
  await waitReady(ns, 'after-agent');
  await deletePod(ns, 'after-agent');
  await expectUndisturbed(before);
});

vmTest('a guest rebooting while the agent is away gets its address again', ns, async () => {
  await apply(ns, vmPod('orphan', { pod: { nodeSelector: { 'kubernetes.io/hostname': node } } }));
  const pod = await waitReady(ns, 'orphan');
  const daemonSet = ['daemonset', 'podvisor-agent', '-n', 'podvisor-agent'];
  await kubectl([
    'patch',
    ...daemonSet,
    '--type=merge',
    '-p',
    '{"spec":{"template":{"spec":{"nodeSelector":{"podvisor.dev/away":"true"}}}}}',
  ]);
  try {
    await eventually('no agent runs', async () => ((await agentPodOn(node)) as unknown) === undefined, 90_000);
    const before = (await guestReport(ns, 'client', pod.status.podIP!))['boot_id'];
    await tryReboot('orphan');
    await eventually(
      'the guest is back',
      async () => (await guestReport(ns, 'client', pod.status.podIP!))['boot_id'] !== before,
      60_000,
    );
  } finally {
    await kubectl([
      'patch',
      ...daemonSet,
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/spec/template/spec/nodeSelector/podvisor.dev~1away"}]',
    ]);
    await kubectl(['rollout', 'status', ...daemonSet, '--timeout=120s'], { timeoutMs: 130_000 });
  }
  await deletePod(ns, 'orphan');
});

vmTest('a VM deleted while the agent is away leaves nothing for long', ns, async () => {
  await apply(ns, vmPod('vanishes', { pod: { nodeSelector: { 'kubernetes.io/hostname': node } } }));
  await waitReady(ns, 'vanishes');
  const agent = (await agentPodOn(node)).metadata.name;
  await Promise.all([
    kubectl(['delete', 'pod', agent, '-n', 'podvisor-agent', '--force', '--grace-period=0']),
    deletePod(ns, 'vanishes'),
  ]);
  expect(await podsOf(ns, 'vanishes')).toEqual([]);
});

localVmTest('kubelet and containerd restarted: the guest runs on', ns, async () => {
  const before = await uptime();
  await component('restart', `${node}/kubelet`);
  await component('restart', `${node}/containerd`);
  await eventually(
    'node Ready',
    async () => (await tryKubectl(['wait', '--for=condition=Ready', `node/${node}`, '--timeout=60s'])).code === 0,
  );
  // A kubelet that has just started does not know its pods yet, and its node was Ready all the time.
  await eventually('kubelet knows the pod', async () => (await tryKubectl(['logs', 'steady', '-n', ns, '--tail=1'])).code === 0);
  await expectUndisturbed(before);
  expect(await runInGuest(ns, 'steady', 'echo here')).toBe('here');
  await apply(ns, vmPod('after-kubelet', { pod: { nodeSelector: { 'kubernetes.io/hostname': node } } }));
  await waitReady(ns, 'after-kubelet');
  await deletePod(ns, 'after-kubelet');
});

/** After 40 s the node controller writes off nodes that it does not hear of, and what it wrote is put right again: a minute more, in soak. */
const AWAY_MS = process.env['PODVISOR_SOAK'] === '1' ? 60_000 : 20_000;

localVmTest(
  'API server away: the guest runs on, a guest powered off meanwhile is powered on again, and new VMs boot afterwards',
  ns,
  async () => {
    const before = await uptime();
    await component('stop', 'kube-apiserver');
    try {
      await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
    } finally {
      await component('start', 'kube-apiserver');
    }
    await eventually('API server back', async () => (await tryKubectl(['get', '--raw', '/readyz'])).code === 0);
    await expectUndisturbed(before);
    await eventually(
      'Ready again',
      async () => (await tryKubectl(['wait', '--for=condition=Ready', 'pod/steady', '-n', ns, '--timeout=30s'])).code === 0,
      // The kubelet's own watch comes back within its back-off, and only then it puts right what the node controller wrote.
      150_000,
    );
    await eventually(
      'admission works',
      async () => (await tryKubectl(['create', '-n', ns, '-f', '-'], { input: JSON.stringify(vmPod('after-api')) })).code === 0,
    );
    // kube-proxy, through which pods reach the API server, and kube-scheduler back off for up to a minute each, one after the other.
    await waitReady(ns, 'after-api', 240);
    await deletePod(ns, 'after-api');
  },
  600_000,
);

async function tryReboot(pod: string): Promise<void> {
  await runInGuest(ns, pod, '(sleep 1; reboot -f) & echo soon');
}
