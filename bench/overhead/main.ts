/**
 * bench/overhead: what a VM costs beyond QEMU itself. PSS of every process in the VM pod's cgroup (pause container included), less the PSS of
 * QEMU run bare on the same node with the same argv (no pod, no launcher, no agent), both with the guest booted and idle.
 * PSS from /proc/PID/smaps_rollup (Linux, Documentation/filesystems/proc.rst); the guest's RAM is in both and falls out.
 */
import { apply, kubectl, tryKubectl } from '../../test/e2e/harness/kubectl.ts';
import { vmPod } from '../../test/e2e/harness/objects.ts';
import { waitReady } from '../../test/e2e/harness/vm.ts';
import { figure, percentile } from '../lib/statistics.ts';
import { podProcesses, runBare } from './processes.ts';

const NAMESPACE = 'bench-overhead';
const ROUNDS = Number(process.env['PODVISOR_BENCH_ROUNDS'] ?? 3);

await tryKubectl(['create', 'namespace', NAMESPACE]);
await new Promise((resolve) => setTimeout(resolve, 2_000));
const differences: number[] = [];
const ratios: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const name = `vm-${round}`;
  await apply(NAMESPACE, vmPod(name, { pod: { nodeSelector: { 'kubernetes.io/hostname': 'node1' } } }));
  const pod = await waitReady(NAMESPACE, name);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const processes = await podProcesses(pod.metadata.uid);
  const inPod = processes.reduce((sum, one) => sum + one.pssKib, 0);
  const qemu = processes.find((one) => one.command.startsWith('qemu-system'))!;
  // One after the other: two QEMUs at once would share their program text, and each would look lighter.
  await kubectl(['delete', 'pod', name, '-n', NAMESPACE, '--timeout=60s']);
  const bareKib = await runBare(qemu);
  for (const one of processes)
    console.log(
      `  ${one.command.padEnd(22)} PSS ${figure(one.pssKib / 1024).padStart(8)} MiB   private ${figure(one.privateKib / 1024)} MiB`,
    );
  console.log(`  bare QEMU              PSS ${figure(bareKib / 1024).padStart(8)} MiB`);
  differences.push(inPod - qemu.pssKib + Math.max(0, qemu.pssKib - bareKib));
  ratios.push(inPod / bareKib);
}
await tryKubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
console.log(
  `bench/overhead: pod/bare QEMU PSS ${figure(percentile(ratios, 0.5))}; beyond QEMU ${figure(percentile(differences, 0.5) / 1024)} MiB of 5 MiB allowed (${figure(percentile(differences, 0.5) / 5120)})`,
);
