import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { eventually } from '../build/eventually.ts';
import { runInGuest } from './harness/console.ts';
import { apply, kubectl } from './harness/kubectl.ts';
import { vmPod } from './harness/objects.ts';
import { localVmTest, useNamespace, vmTest } from './harness/suite.ts';
import { condition, consoleLog, deletePod, events, getPod, guestStatus, waitReady } from './harness/vm.ts';

const ns = useNamespace('e2e-hardware');
const CANARY = 'canary-0815-never-to-be-seen-outside';

vmTest('T22: Secure Boot, a TPM, a clock and a cloud-init Secret reach the guest, and the Secret nothing else', ns, async () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'seed' },
    stringData: { 'user-data': `#cloud-config\n# ${CANARY}\n` },
  };
  const annotations = {
    'podvisor.dev/firmware': 'uefi-secure',
    'podvisor.dev/tpm': 'ephemeral',
    'podvisor.dev/clock': 'Asia/Tokyo',
    'podvisor.dev/cloud-init': 'seed',
  };
  const guest = { resources: { limits: { memory: '256Mi' }, requests: { cpu: '100m' } } };
  await apply(ns, secret, vmPod('secure', { annotations, guest }));
  await waitReady(ns, 'secure');
  expect(await runInGuest(ns, 'secure', 'dmesg | grep -i "secure boot"')).toContain('Secure boot enabled');
  expect(await runInGuest(ns, 'secure', 'cat /sys/class/tpm/tpm0/tpm_version_major')).toBe('2');
  // Before the guest itself prints it: pod, Events, log and every process' arguments as the cluster shows them.
  const told = [
    await kubectl(['get', 'pod', 'secure', '-n', ns, '-o', 'yaml']),
    await kubectl(['describe', 'pod', 'secure', '-n', ns]),
    await consoleLog(ns, 'secure'),
    ...(await events(ns, 'secure')),
    await kubectl(['logs', '-n', 'podvisor-agent', '-l', 'app.kubernetes.io/name=podvisor-agent', '--tail=500']),
    await kubectl([
      'exec',
      '-n',
      ns,
      'secure',
      '-c',
      'guest',
      '--',
      'sh',
      '-c',
      'cat /proc/[0-9]*/cmdline; ls /podvisor/scratch',
    ]),
  ].join('\n');
  expect(told).not.toContain(CANARY);
  expect(told).toContain('vars.fd');
  const read = 'mkdir -p /seed; mount -t iso9660 -o ro /dev/vdb /seed; cat /seed/user-data /seed/meta-data';
  const seed = await runInGuest(ns, 'secure', read);
  expect(seed).toContain(CANARY);
  expect(seed).toContain('instance-id: secure');
  await deletePod(ns, 'secure');
});

/** Huge pages of the machine, which is both nodes; 0 where it has none of that size. */
function hugePages(kibibytes: number, what: 'free' | 'nr'): number {
  const file = `/sys/kernel/mm/hugepages/hugepages-${kibibytes}kB/${what}_hugepages`;
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

// The second on machines alone that have a GiB in one piece when the cluster starts.
for (const { size, kibibytes, limit, pages } of [
  { size: '2Mi', kibibytes: 2048, limit: '128Mi', pages: 64 },
  { size: '1Gi', kibibytes: 2 ** 20, limit: '1Gi', pages: 1 },
]) {
  const sentence = `the RAM of a guest with a hugepages-${size} limit is of huge pages of the node, and the pod is charged for them`;
  if (hugePages(kibibytes, 'nr') < pages) test.skip(`${sentence} (this machine has none)`, () => undefined);
  else
    localVmTest(sentence, ns, async () => {
      const before = hugePages(kibibytes, 'free');
      const guest = { resources: { limits: { [`hugepages-${size}`]: limit }, requests: { cpu: '100m' } } };
      await apply(ns, vmPod('huge', { guest }));
      await waitReady(ns, 'huge');
      expect(before - hugePages(kibibytes, 'free')).toBe(pages);
      expect(await runInGuest(ns, 'huge', "awk '/^MemTotal/ { print ($2 > 80000) }' /proc/meminfo")).toBe('1');
      await deletePod(ns, 'huge');
      expect(hugePages(kibibytes, 'free')).toBe(before);
    });
}

const dedicated = {
  annotations: { 'podvisor.dev/dedicated-cpus': 'true' },
  guest: { resources: { limits: { cpu: '1', memory: '128Mi' } } },
};

localVmTest('a vCPU is pinned to the CPU that the static policy gave to its pod alone', ns, async () => {
  const pod = { nodeSelector: { 'kubernetes.io/hostname': 'node2' } };
  await apply(ns, vmPod('dedicated', { ...dedicated, pod }));
  const { status } = await waitReady(ns, 'dedicated');
  expect(status.qosClass).toBe('Guaranteed');
  // In the container: QEMU is the only program with threads named after vCPUs.
  const script =
    'for t in /proc/[0-9]*/task/*; do read n <$t/comm; case $n in CPU\\ 0*) cat $t/status;; esac; done; cat /proc/1/status';
  const read = () => kubectl(['exec', '-n', ns, 'dedicated', '-c', 'guest', '--', 'sh', '-c', script]);
  const text = await eventually('the vCPU is pinned', async () => {
    const found = await read();
    return found.includes('Name:\tCPU 0') ? found : undefined;
  });
  const [vcpu, launcher] = [...text.matchAll(/^Cpus_allowed_list:\s+(\S+)$/gm)].map((match) => match[1]);
  expect(vcpu).toMatch(/^\d+$/);
  expect(launcher).toBe(vcpu);
  await deletePod(ns, 'dedicated');
});

localVmTest('a guest with dedicated CPUs does not start on a node without the static policy, and says why', ns, async () => {
  const pod = { nodeSelector: { 'kubernetes.io/hostname': 'node1' } };
  await apply(ns, vmPod('shared', { ...dedicated, pod }));
  const told = await eventually('the pod says why', async () => {
    const ready = condition(await getPod(ns, 'shared'), 'podvisor.dev/guest-ready');
    return ready?.reason === 'CpusNotDedicated' ? ready : undefined;
  });
  expect(told.message).toContain('cpuManagerPolicy: static');
  expect((await events(ns, 'shared')).join('\n')).toContain('CpusNotDedicated');
  await deletePod(ns, 'shared');
});

vmTest('a guest that uses all of its RAM, CPU and disk at once is not killed for memory', ns, async () => {
  const guest = { resources: { limits: { cpu: '2', memory: '256Mi' }, requests: { cpu: '100m' } } };
  await apply(ns, vmPod('full', { guest }));
  await waitReady(ns, 'full');
  // All but what the guest's own kernel needs to live; then every page is read again while the disk is read past its cache.
  const fill = [
    'mkdir -p /fill; mount -t tmpfs -o size=100% tmpfs /fill',
    "n=$(awk '/^MemAvailable/ { print int($2 / 1024) - 24 }' /proc/meminfo)",
    'dd if=/dev/zero of=/fill/x bs=1M count=$n 2>/dev/null',
    'for i in 1 2; do md5sum /fill/x >/dev/null & done; dd if=/dev/vda of=/dev/null bs=1M 2>/dev/null; wait',
    "awk '/^MemAvailable/ { print ($2 < 40960) }' /proc/meminfo",
  ].join('; ');
  expect(await runInGuest(ns, 'full', fill, 120_000)).toMatch(/1$/);
  const pod = await getPod(ns, 'full');
  expect(guestStatus(pod)).toMatchObject({ restartCount: 0, ready: true });
  await deletePod(ns, 'full');
});
