/**
 * bench/start: pod created to QEMU running, less a plain pod's created to running on the same node in the same run.
 * QEMU running = the agent saw it on QMP (condition podvisor.dev/guest-ready turned True); a plain pod's running = its container started.
 * API timestamps have whole seconds, so a watch times both ends on this machine's clock.
 */
import { spawn } from 'node:child_process';
import { apply, kubectl, tryKubectl } from '../../test/e2e/harness/kubectl.ts';
import { plainPod, vmPod } from '../../test/e2e/harness/objects.ts';
import type { PodView } from '../../test/e2e/harness/vm.ts';
import { condition } from '../../test/e2e/harness/vm.ts';
import { figure, percentile } from '../lib/statistics.ts';

const NAMESPACE = 'bench-start';
const ROUNDS = Number(process.env['PODVISOR_BENCH_ROUNDS'] ?? 30);

const TEARDOWN_MS = 2_000;

type Reached = (pod: PodView) => boolean;
const qemuRuns: Reached = (pod) => condition(pod, 'podvisor.dev/guest-ready')?.status === 'True';
const containerRuns: Reached = (pod) => pod.status.containerStatuses?.[0]?.state.running !== undefined;

/** Milliseconds from just before `kubectl create` to the first watch event in which `reached` holds. */
async function timeTo(pod: object, reached: Reached): Promise<number> {
  const name = (pod as { metadata: { name: string } }).metadata.name;
  const watch = spawn('kubectl', [
    'get',
    'pods',
    '-n',
    NAMESPACE,
    '--field-selector',
    `metadata.name=${name}`,
    '-w',
    '-o',
    'json',
    '--output-watch-events',
  ]);
  await new Promise((resolve) => setTimeout(resolve, 400));
  const done = new Promise<number>((resolve) => {
    let text = '';
    watch.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      const objects = lines.filter(Boolean).map((line) => (JSON.parse(line) as { object: PodView }).object);
      if (objects.some(reached)) resolve(performance.now());
    });
  });
  const start = performance.now();
  await apply(NAMESPACE, pod);
  const end = await done;
  watch.kill();
  await kubectl(['delete', 'pod', name, '-n', NAMESPACE, '--force', '--grace-period=0', '--timeout=60s']);
  // The kubelet still takes the pod down; the next one is not to be measured beside that.
  await new Promise((resolve) => setTimeout(resolve, TEARDOWN_MS));
  return end - start;
}

const node = process.env['PODVISOR_BENCH_NODE'] ?? (await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}']));
await tryKubectl(['create', 'namespace', NAMESPACE]);
await new Promise((resolve) => setTimeout(resolve, 2_000));
const onNode = { nodeSelector: { 'kubernetes.io/hostname': node } };
const vm: number[] = [];
const plain: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  plain.push(await timeTo(plainPod(`plain-${round}`, ['sleep', '3600'], onNode), containerRuns));
  vm.push(await timeTo(vmPod(`vm-${round}`, { pod: onNode, guest: { readinessProbe: undefined } }), qemuRuns));
  process.stderr.write(`\r${round + 1}/${ROUNDS}`);
}
await tryKubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
const share = vm.map((value, index) => value - plain[index]!);
const row = (name: string, samples: readonly number[]): string =>
  `${name.padEnd(22)} p50 ${figure(percentile(samples, 0.5)).padStart(8)} ms   p95 ${figure(percentile(samples, 0.95)).padStart(8)} ms`;
console.log(
  `\nn = ${ROUNDS} on ${node}\n${row('plain pod', plain)}\n${row('VM pod, QEMU running', vm)}\n${row('our share (paired)', share)}`,
);
const ratio = (p: number): string => figure(percentile(vm, p) / percentile(plain, p));
console.log(
  `bench/start: VM/plain p50 ${ratio(0.5)}, p95 ${ratio(0.95)}; our share p95 / 1 s bound ${figure(percentile(share, 0.95) / 1000)}`,
);
