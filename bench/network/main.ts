/**
 * bench/network: a TCP stream between a guest and an ordinary pod on the same node, for each binding, in both directions. Figures are
 * the guest's own (its clock, its emulation where there is no KVM): only the ratios against masquerade in the same run say something.
 */
import { apply, kubectl, tryKubectl } from '../../test/e2e/harness/kubectl.ts';
import { runInGuest } from '../../test/e2e/harness/console.ts';
import { plainPod, vmPod } from '../../test/e2e/harness/objects.ts';
import { deletePod, getPod, waitReady } from '../../test/e2e/harness/vm.ts';
import { figure, percentile } from '../lib/statistics.ts';

const NAMESPACE = 'bench-network';
const ROUNDS = Number(process.env['PODVISOR_BENCH_ROUNDS'] ?? 5);
const MIB = 32;
const NETWORKS = 'k8s.v1.cni.cncf.io/networks';
const BINDINGS = 'podvisor.dev/networks';
const PEER = { bridge: '192.168.90.1', macvtap: '192.168.91.1' };

interface Case {
  readonly name: string;
  readonly annotations: Record<string, string>;
  /** The peer's address and what the guest must do to reach it; the pod network without. */
  readonly secondary?: { readonly peer: string; readonly own: string };
}

const CASES: readonly Case[] = [
  { name: 'masquerade', annotations: {} },
  { name: 'bridge (pod)', annotations: { [BINDINGS]: 'pod=bridge' } },
  { name: 'passt', annotations: { [BINDINGS]: 'pod=passt' } },
  {
    name: 'bridge (secondary)',
    annotations: { [NETWORKS]: 'bench-bridge' },
    secondary: { peer: PEER.bridge, own: '192.168.90.2/24' },
  },
  {
    name: 'macvtap (secondary)',
    annotations: { [NETWORKS]: 'bench-macvlan' },
    secondary: { peer: PEER.macvtap, own: '192.168.91.2/24' },
  },
];

const attachment = (name: string, config: object): object => ({
  apiVersion: 'k8s.cni.cncf.io/v1',
  kind: 'NetworkAttachmentDefinition',
  metadata: { name },
  spec: { config: JSON.stringify({ cniVersion: '1.0.0', name, ...config }) },
});

/** Swallows what comes to port 5001, gives a stream to who comes to port 5002. */
const SERVE = `while true; do nc -l -p 5001 >/dev/null </dev/null; done & while true; do dd if=/dev/zero bs=64k count=${MIB * 16} 2>/dev/null | nc -l -p 5002 >/dev/null; done`;

function peerPod(node: string): object {
  const networks = [
    { name: 'bench-bridge-peer', ips: [`${PEER.bridge}/24`] },
    { name: 'bench-macvlan-peer', ips: [`${PEER.macvtap}/24`] },
  ];
  const pod = plainPod('peer', ['sh', '-c', SERVE], { nodeSelector: { 'kubernetes.io/hostname': node } });
  const { metadata } = pod as { metadata: object };
  return { ...pod, metadata: { ...metadata, annotations: { [NETWORKS]: JSON.stringify(networks) } } };
}

/** MiB/s of one stream, by the guest's uptime in hundredths of a second. */
async function stream(pod: string, command: string): Promise<number> {
  const uptime = "cut -d' ' -f1 /proc/uptime";
  const text = await runInGuest(NAMESPACE, pod, `a=$(${uptime}); ${command}; echo "$a $(${uptime})"`, 120_000);
  const [from = NaN, to = NaN] = text.split('\n').at(-1)?.split(' ').map(Number) ?? [];
  return MIB / Math.max(to - from, 0.01);
}

interface Rates {
  readonly out: readonly number[];
  readonly in: readonly number[];
}

async function measure({ name, annotations, secondary }: Case, node: string): Promise<Rates> {
  const pod = 'vm';
  const guest = { resources: { limits: { memory: '128Mi' }, requests: { cpu: '100m' } } };
  await apply(NAMESPACE, vmPod(pod, { annotations, guest, pod: { nodeSelector: { 'kubernetes.io/hostname': node } } }));
  await waitReady(NAMESPACE, pod);
  if (secondary !== undefined) {
    await runInGuest(NAMESPACE, pod, `ip addr add ${secondary.own} dev eth1; ip link set eth1 up`);
  }
  const peer = secondary?.peer ?? (await getPod(NAMESPACE, 'peer')).status.podIP ?? '';
  const rates = { out: [] as number[], in: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.out.push(await stream(pod, `dd if=/dev/zero bs=64k count=${MIB * 16} 2>/dev/null | nc ${peer} 5001`));
    rates.in.push(await stream(pod, `nc ${peer} 5002 </dev/null >/dev/null`));
  }
  await deletePod(NAMESPACE, pod, '--force', '--grace-period=0');
  process.stderr.write(`${name}\n`);
  return rates;
}

const node = process.env['PODVISOR_BENCH_NODE'] ?? (await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}']));
await tryKubectl(['create', 'namespace', NAMESPACE]);
await new Promise((resolve) => setTimeout(resolve, 2_000));
await apply(
  NAMESPACE,
  ...(['', '-peer'] as const).flatMap((role) => {
    // Only the peer has an address of CNI's; the guest sets its own.
    const ipam = role === '' ? {} : { type: 'static' };
    return [
      attachment(`bench-bridge${role}`, { type: 'bridge', bridge: 'br-bench', ipam }),
      attachment(`bench-macvlan${role}`, { type: 'macvlan', master: 'eth0', mode: 'bridge', ipam }),
    ];
  }),
  peerPod(node),
);
await kubectl(['wait', '--for=condition=Ready', 'pod/peer', '-n', NAMESPACE, '--timeout=60s']);
const results: [string, Rates][] = [];
for (const one of CASES) results.push([one.name, await measure(one, node)]);
await tryKubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);

const median = (samples: readonly number[]): number => percentile(samples, 0.5);
const [, base] = results[0]!;
console.log(`n = ${ROUNDS} streams of ${MIB} MiB each way, on ${node}, medians`);
for (const [name, rates] of results) {
  const columns = [`guest to pod ${figure(median(rates.out))} MiB/s`, `pod to guest ${figure(median(rates.in))} MiB/s`];
  console.log(`${name.padEnd(20)} ${columns.map((column) => column.padEnd(28)).join(' ')}`);
}
const ratio = (rates: Rates): string =>
  `${figure(median(rates.out) / median(base.out))}/${figure(median(rates.in) / median(base.in))}`;
console.log(`bench/network: against masquerade, out/in: ${results.slice(1).map(([name, rates]) => `${name} ${ratio(rates)}`).join(', ')}`); // prettier-ignore
