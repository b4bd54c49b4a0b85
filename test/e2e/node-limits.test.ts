import { afterAll, beforeAll, expect } from '@jest/globals';
import { eventually } from '../build/eventually.ts';
import { runInGuest } from './harness/console.ts';
import { apply, getJson, tryKubectl } from './harness/kubectl.ts';
import { onNode } from './harness/local.ts';
import { plainPod, vmPod } from './harness/objects.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';
import { getPod, guestReport, guestStatus, type PodView, waitReady, waitTerminated } from './harness/vm.ts';

const ns = useNamespace('e2e-node-limits');
const NODE = 'node1';
/** dev/cluster/config/kubelet.yaml, podPidsLimit. */
const PIDS = 1024;
const here = { nodeSelector: { 'kubernetes.io/hostname': NODE } };

const VMS = ['neighbour', 'glutton', 'crowd'] as const;

beforeAll(async () => {
  // RAM it does not touch is room for processes: it is the number of them that is to be the bound in that test.
  const large = { resources: { limits: { memory: '768Mi' }, requests: { cpu: '100m' } } };
  const vms = [vmPod('neighbour', { pod: here }), vmPod('glutton', { pod: here }), vmPod('crowd', { guest: large, pod: here })];
  await apply(ns, plainPod('client'), ...vms);
  for (const pod of ['client', ...VMS]) await waitReady(ns, pod);
}, 240_000);

afterAll(async () => {
  await tryKubectl(['delete', 'pod', ...VMS, '-n', ns, '--ignore-not-found', '--timeout=90s']);
}, 130_000);

/** A shell beside QEMU, as its user: what a guest that has broken out of QEMU has. */
const beside = (pod: string, script: string) => tryKubectl(['exec', '-n', ns, pod, '-c', 'guest', '--', 'sh', '-c', script]);

/** A file of the pod's own cgroup. */
async function podCgroup(pod: PodView, controller: string, file: string): Promise<string> {
  const find = `cat $(find /sys/fs/cgroup/${controller} -type d -path '*pod${pod.metadata.uid}' | head -n 1)/${file}`;
  return (await onNode(NODE, 'sh', '-c', find)).trim();
}

interface NodeView {
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

/** The neighbour's guest never stopped, and the node feels no pressure. */
async function expectUndisturbed(bootId: string): Promise<void> {
  const neighbour = await getPod(ns, 'neighbour');
  expect(guestStatus(neighbour)).toMatchObject({ restartCount: 0, ready: true });
  expect((await guestReport(ns, 'client', neighbour.status.podIP!))['boot_id']).toBe(bootId);
  const { status } = await getJson<NodeView>(['node', NODE]);
  expect(Object.fromEntries(status.conditions.map((one) => [one.type, one.status]))).toMatchObject({
    Ready: 'True',
    MemoryPressure: 'False',
    PIDPressure: 'False',
    DiskPressure: 'False',
  });
}

const bootIdOf = async (pod: string): Promise<string> =>
  (await guestReport(ns, 'client', (await getPod(ns, pod)).status.podIP!))['boot_id']!;

/** Fills the guest's RAM but for 8 MiB; bytes. */
async function fill(pod: string): Promise<number> {
  const free = `$(($(awk '/^MemAvailable/ {print $2}' /proc/meminfo) - 8192))`;
  const script = `mkdir -p /fill && mount -t tmpfs -o size=${free}k fill /fill && dd if=/dev/zero of=/fill/x bs=1M 2>/dev/null; ls -l /fill/x`;
  return Number(/\s(\d{6,})\s/.exec(await runInGuest(ns, pod, script, 60_000))?.[1]);
}

localVmTest('T23: a guest that fills its RAM runs on, and its pod stays within its limit', ns, async () => {
  const before = await bootIdOf('neighbour');
  const bootId = await bootIdOf('glutton');
  expect(await fill('glutton')).toBeGreaterThan(40 << 20);
  const pod = await getPod(ns, 'glutton');
  const limit = Number(await podCgroup(pod, 'memory', 'memory.limit_in_bytes'));
  const used = Number(await podCgroup(pod, 'memory', 'memory.max_usage_in_bytes'));
  console.log(
    `T23: the pod of a full guest of 128 MiB used at most ${(used / 2 ** 20).toFixed(0)} of ${(limit / 2 ** 20).toFixed(0)} MiB`,
  );
  expect(limit).toBeLessThan(2 ** 29);
  expect(await podCgroup(pod, 'memory', 'memory.failcnt')).toBe('0');
  expect(await bootIdOf('glutton')).toBe(bootId);
  await expectUndisturbed(before);
});

localVmTest('T23: who breaks out of QEMU and takes all memory ends his own pod alone, and the pod says why', ns, async () => {
  const before = await bootIdOf('neighbour');
  // The guest's RAM is full: QEMU is the largest, so that it is what the kernel ends.
  await beside('glutton', 'dd if=/dev/zero of=/dev/null bs=1000M count=1');
  const ended = await waitTerminated(ns, 'glutton');
  expect(ended).toMatchObject({ exitCode: 137, message: expect.stringContaining('out-of-memory killer') as unknown });
  await expectUndisturbed(before);
  // A power cycle, as after any crash.
  await eventually('the guest runs again', async () => guestStatus(await getPod(ns, 'glutton')).ready, 90_000);
});

localVmTest(
  'T23: who breaks out of QEMU and forks without end gets no further than the kubelet’s limit of processes',
  ns,
  async () => {
    const before = await bootIdOf('neighbour');
    const pod = await getPod(ns, 'crowd');
    expect(await podCgroup(pod, 'pids', 'pids.max')).toBe(String(PIDS));
    const bomb = await beside('crowd', `i=0; while [ $i -lt ${2 * PIDS} ]; do sleep 60 & i=$((i + 1)); done`);
    expect(bomb.stderr).toMatch(/[Cc]annot fork|Resource temporarily unavailable/);
    const processes = Number(await podCgroup(pod, 'pids', 'pids.current'));
    console.log(`T23: ${processes} processes and threads in a pod whose limit is ${PIDS}`);
    expect(processes).toBeLessThanOrEqual(PIDS);
    expect(processes).toBeGreaterThan(PIDS / 2);
    // The limit is the pod's: the node and its other pods go on forking.
    expect((await beside('neighbour', 'sleep 0; echo forked')).stdout.trim()).toBe('forked');
    await expectUndisturbed(before);
  },
);
