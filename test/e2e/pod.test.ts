import { expect } from '@jest/globals';
import { fetchThroughPortForward } from './harness/port-forward.ts';
import { apply, getJson, kubectl } from './harness/kubectl.ts';
import { eventually } from '../build/eventually.ts';
import { plainPod, service, vmPod } from './harness/objects.ts';
import { runInGuest, typeInGuest } from './harness/console.ts';
import {
  condition,
  consoleLog,
  deleteAndRead,
  deletePod,
  events,
  getPod,
  guestReport,
  guestStatus,
  podsOf,
  waitReady,
  waitTerminated,
} from './harness/vm.ts';
import { useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-pod');

vmTest('a labelled Pod boots and is reached as any pod is: logs, attach, port-forward, Service', ns, async () => {
  await apply(ns, vmPod('vm'), service('vm'), plainPod('client'));
  const pod = await waitReady(ns, 'vm');
  await waitReady(ns, 'client');

  expect(condition(pod, 'podvisor.dev/guest-ready')?.status).toBe('True');
  expect(condition(pod, 'podvisor.dev/accelerated')?.status).toMatch(/True|False/);
  expect(await consoleLog(ns, 'vm')).toContain('GUEST READY');
  expect(await runInGuest(ns, 'vm', 'echo $((6*7))')).toBe('42');
  // Cluster DNS hears of a new Service late, above all when the API server was away a moment ago.
  expect((await eventually('the Service has a name', () => guestReport(ns, 'client', 'vm')))['hostname']).toBe('vm');
  expect(await fetchThroughPortForward(ns, 'vm', 80)).toMatch(/^vm [0-9a-f-]{36}/);
  expect((await events(ns, 'vm')).join('\n')).toContain('GuestStarted');
  await deletePod(ns, 'vm');
});

vmTest('reboot inside the guest stays in the same pod and container', ns, async () => {
  await apply(ns, vmPod('reboots'));
  await waitReady(ns, 'reboots');
  const before = await runInGuest(ns, 'reboots', 'cat /proc/sys/kernel/random/boot_id');
  await typeInGuest(ns, 'reboots', 'reboot -f');
  await eventually(
    'the guest is up again',
    async () => (await consoleLog(ns, 'reboots')).split('GUEST READY').length > 2,
    60_000,
  );
  const after = await runInGuest(ns, 'reboots', 'cat /proc/sys/kernel/random/boot_id');
  expect(after).not.toBe(before);
  expect(guestStatus(await getPod(ns, 'reboots')).restartCount).toBe(0);
  await deletePod(ns, 'reboots');
});

vmTest('power-off inside the guest ends the container with exit code 0, and restartPolicy Never leaves it so', ns, async () => {
  await apply(ns, vmPod('off', { pod: { restartPolicy: 'Never' } }));
  await waitReady(ns, 'off');
  await typeInGuest(ns, 'off', 'poweroff -f');
  expect((await waitTerminated(ns, 'off')).exitCode).toBe(0);
  await eventually('phase Succeeded', async () => (await getPod(ns, 'off')).status.phase === 'Succeeded');
  await deletePod(ns, 'off');
});

vmTest('restartPolicy Always powers the guest on again with its disk as it was', ns, async () => {
  await apply(ns, vmPod('again'));
  await waitReady(ns, 'again');
  await typeInGuest(ns, 'again', 'poweroff -f');
  await eventually('restarted once', async () => guestStatus(await getPod(ns, 'again')).restartCount === 1);
  await waitReady(ns, 'again');
  expect(await runInGuest(ns, 'again', 'echo back')).toBe('back');
  await deletePod(ns, 'again');
});

vmTest('a guest panic ends the container with code 70, a message, an Event and a condition', ns, async () => {
  await apply(ns, vmPod('panics', { pod: { restartPolicy: 'Never' } }));
  await waitReady(ns, 'panics');
  await typeInGuest(ns, 'panics', 'echo c > /proc/sysrq-trigger');
  const end = await waitTerminated(ns, 'panics');
  expect(end).toEqual({ exitCode: 70, message: expect.stringMatching(/panic/i) });
  await eventually('GuestPanicked event', async () =>
    (await events(ns, 'panics')).some((line) => line.startsWith('GuestPanicked')),
  );
  await eventually(
    'condition',
    async () => condition(await getPod(ns, 'panics'), 'podvisor.dev/guest-ready')?.reason === 'GuestPanicked',
  );
  await deletePod(ns, 'panics');
});

vmTest('QEMU killed is reported as 137 and the container is restarted', ns, async () => {
  await apply(ns, vmPod('killed'));
  await waitReady(ns, 'killed');
  await kubectl(['exec', '-n', ns, 'killed', '-c', 'guest', '--', 'sh', '-c', KILL_QEMU]);
  const end = await waitTerminated(ns, 'killed');
  expect(end).toEqual({ exitCode: 137, message: expect.stringMatching(/killed/i) });
  await waitReady(ns, 'killed');
  await deletePod(ns, 'killed');
});

vmTest('liveness: a guest whose web server died is restarted by the kubelet', ns, async () => {
  const livenessProbe = { httpGet: { port: 80, path: '/' }, periodSeconds: 1, failureThreshold: 2, initialDelaySeconds: 15 };
  await apply(ns, vmPod('lively', { guest: { livenessProbe }, pod: { terminationGracePeriodSeconds: 5 } }));
  await waitReady(ns, 'lively');
  await typeInGuest(ns, 'lively', 'killall httpd');
  await eventually('not Ready', async () => condition(await getPod(ns, 'lively'), 'Ready')?.status === 'False');
  await eventually('restarted', async () => guestStatus(await getPod(ns, 'lively')).restartCount >= 1, 90_000);
  await waitReady(ns, 'lively');
  await deletePod(ns, 'lively');
});

vmTest('a sidecar container runs beside the guest and keeps its own port', ns, async () => {
  const restricted = (plainPod('x') as { spec: { containers: { securityContext: object }[] } }).spec.containers[0]!
    .securityContext;
  const sidecar = {
    name: 'sidecar',
    image: 'localhost/podvisor/plain:dev',
    command: ['sh', '-c', 'while :; do echo from the sidecar | nc -l -p 8080; done'],
    ports: [{ containerPort: 8080 }],
    securityContext: restricted,
  };
  const pod = vmPod('beside') as { spec: { containers: object[] } };
  pod.spec.containers.push(sidecar);
  await apply(ns, pod, plainPod('client'));
  const ip = (await waitReady(ns, 'beside')).status.podIP!;
  await waitReady(ns, 'client');
  const answer = await kubectl(['exec', '-n', ns, 'client', '--', 'nc', '-w', '3', ip, '8080']);
  expect(answer).toContain('from the sidecar');
  expect((await guestReport(ns, 'client', ip))['hostname']).toBe('beside');
  await deletePod(ns, 'beside');
});

vmTest('forced deletion leaves no pod, and a pod of the same name boots again', ns, async () => {
  await apply(ns, vmPod('forced'));
  await waitReady(ns, 'forced');
  await deletePod(ns, 'forced', '--force', '--grace-period=0');
  await apply(ns, vmPod('forced'));
  await waitReady(ns, 'forced');
  await deletePod(ns, 'forced');
});

vmTest('graceful deletion: the guest sees the ACPI button', ns, async () => {
  await apply(ns, vmPod('graceful'));
  await waitReady(ns, 'graceful');
  expect(await deleteAndRead(ns, 'graceful')).toContain('POWER BUTTON');
});

vmTest('Deployment: two replicas on two nodes', ns, async () => {
  await apply(ns, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: spreadTemplate() },
  });
  await kubectl(['rollout', 'status', 'deployment/web', '-n', ns, '--timeout=150s'], { timeoutMs: 160_000 });
  const nodes = (await podsOf(ns, 'web')).map((pod) => pod.spec.nodeName);
  expect(new Set(nodes).size).toBe(2);
  const deployment = await getJson<{ spec: { template: object } }>(['deployment', 'web', '-n', ns]);
  expect(JSON.stringify(deployment.spec.template)).not.toContain('podvisor.dev/guest');
  await kubectl(['delete', 'deployment', 'web', '-n', ns, '--cascade=foreground', '--timeout=60s']);
});

vmTest('StatefulSet: stable name, and the MAC stays over a restart', ns, async () => {
  await apply(ns, service('db'), {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: { serviceName: 'db', replicas: 1, selector: { matchLabels: { app: 'db' } }, template: spreadTemplate('db') },
  });
  await kubectl(['rollout', 'status', 'statefulset/db', '-n', ns, '--timeout=150s'], { timeoutMs: 160_000 });
  const mac = await runInGuest(ns, 'db-0', 'cat /sys/class/net/eth0/address');
  await deletePod(ns, 'db-0');
  await kubectl(['rollout', 'status', 'statefulset/db', '-n', ns, '--timeout=150s'], { timeoutMs: 160_000 });
  expect(await runInGuest(ns, 'db-0', 'hostname')).toBe('db-0');
  expect(await runInGuest(ns, 'db-0', 'cat /sys/class/net/eth0/address')).toBe(mac);
  await kubectl(['delete', 'statefulset', 'db', '-n', ns, '--cascade=foreground', '--timeout=60s']);
});

vmTest('Job: the guest that powers off completes it', ns, async () => {
  const template = spreadTemplate('batch') as { spec: object };
  await apply(ns, {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'batch' },
    spec: { backoffLimit: 0, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
  });
  const pod = await eventually('the Job has a pod', async () => (await podsOf(ns, 'batch'))[0]);
  await waitReady(ns, pod.metadata.name);
  await typeInGuest(ns, pod.metadata.name, 'poweroff -f');
  await kubectl(['wait', '--for=condition=Complete', 'job/batch', '-n', ns, '--timeout=60s']);
});

const KILL_QEMU =
  'for p in /proc/[0-9]*; do read -r name < $p/comm || continue; case $name in qemu*) kill -9 ${p#/proc/};; esac; done';

function spreadTemplate(app = 'web'): object {
  const { metadata, spec } = vmPod(app) as { metadata: { labels: object }; spec: object };
  const topologySpreadConstraints = [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app } },
    },
  ];
  return { metadata: { labels: metadata.labels }, spec: { ...spec, topologySpreadConstraints } };
}
