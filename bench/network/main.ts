/**
 * bench/network: a file over HTTP between a guest and an ordinary pod on the same node, for each binding, in both directions, and between two
 * ordinary pods. Rounds take turns over all bindings, because the machine is never quiet. Who fetches measures, by its own clock: a guest's, and its
 * emulation where there is no KVM, so only the ratios against the plain pod and against masquerade in the same run say something.
 *   PODVISOR_BENCH_ROUNDS=N   transfers each way (default 5)
 */
import { loadavg } from 'node:os';
import { apply, kubectl, tryKubectl } from '../../test/e2e/harness/kubectl.ts';
import { runInGuest } from '../../test/e2e/harness/console.ts';
import { plainPod, vmPod } from '../../test/e2e/harness/objects.ts';
import { deletePod, getPod, waitReady } from '../../test/e2e/harness/vm.ts';
import { eventually } from '../../test/build/eventually.ts';
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

/** Ordinary pods are too fast for the guests' file. */
const LARGE_MIB = 512;
const blob = (path: string, mib: number): string => `dd if=/dev/zero of=${path} bs=1M count=${mib} 2>/dev/null`;
const SERVE = `mkdir /tmp/www; ${blob('/tmp/www/blob', MIB)}; ${blob('/tmp/www/large', LARGE_MIB)}; exec httpd -f -p 8080 -h /tmp/www`;

function servingPod(name: string, node: string): object {
  const pod = plainPod(name, ['sh', '-c', SERVE], { nodeSelector: { 'kubernetes.io/hostname': node } });
  if (name !== 'peer') return pod;
  const { metadata } = pod as { metadata: object };
  return { ...pod, metadata: { ...metadata, annotations: { [NETWORKS]: 'bench-bridge-peer,bench-macvlan-peer' } } };
}

/** Runs a shell line where the transfer is measured. */
type Shell = (command: string, timeoutMs: number) => Promise<string>;

const inPod =
  (pod: string): Shell =>
  (command, timeoutMs) =>
    kubectl(['exec', '-n', NAMESPACE, pod, '--', 'sh', '-c', command], { timeoutMs });

/** MiB/s of one fetch, by the fetcher's uptime in hundredths of a second. */
async function fetchRate(shell: Shell, url: string, mib: number): Promise<number> {
  const uptime = "cut -d' ' -f1 /proc/uptime";
  const text = await shell(`a=$(${uptime}); wget -q -O /dev/null ${url} && echo "$a $(${uptime})"`, 120_000);
  const [from = NaN, to = NaN] = text.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  if (Number.isNaN(to - from)) throw new Error(`${url} could not be fetched: ${text}`);
  return mib / Math.max(to - from, 0.01);
}

/** Once, that all of it arrives: wget does not say. */
async function checkWhole(shell: Shell, url: string, mib: number): Promise<void> {
  const count = (await shell(`wget -q -O - ${url} | wc -c`, 120_000)).trim().split('\n').at(-1)?.trim();
  if (count !== String(mib * 1024 * 1024)) throw new Error(`${url}: ${count ?? 'no'} bytes instead of ${mib} MiB`);
}

/** Both ends of a measured pair. */
interface Pair {
  readonly name: string;
  readonly mib: number;
  /** What the peer fetches. */
  readonly out: string;
  /** What the guest, or its stand-in, fetches. */
  readonly in: string;
  readonly shell: Shell;
  readonly rates: { readonly out: number[]; readonly in: number[] };
}

const podAddress = async (pod: string): Promise<string> => (await getPod(NAMESPACE, pod)).status.podIP ?? '';

async function plainPair(): Promise<Pair> {
  const [own, peer] = [await podAddress('plain'), await podAddress('peer')];
  const url = (address: string): string => `http://${address}:8080/large`;
  return { name: 'plain pod', mib: LARGE_MIB, out: url(own), in: url(peer), shell: inPod('plain'), rates: { out: [], in: [] } };
}

/** Starts the guest of a case. */
async function guestPair({ name, annotations, secondary }: Case, pod: string, node: string): Promise<Pair> {
  const guest = { resources: { limits: { memory: '160Mi' }, requests: { cpu: '50m' } } };
  await apply(NAMESPACE, vmPod(pod, { annotations, guest, pod: { nodeSelector: { 'kubernetes.io/hostname': node } } }));
  await waitReady(NAMESPACE, pod, 180);
  const shell: Shell = (command, timeoutMs) => runInGuest(NAMESPACE, pod, command, timeoutMs);
  const address = secondary === undefined ? '' : `ip addr add ${secondary.own} dev eth1; ip link set eth1 up;`;
  await shell(`${address} ${blob('/www/blob', MIB)}`, 60_000);
  const own = secondary?.own.replace(/\/.*/, '') ?? (await podAddress(pod));
  const peer = secondary?.peer ?? (await podAddress('peer'));
  return { name, mib: MIB, out: `http://${own}/blob`, in: `http://${peer}:8080/blob`, shell, rates: { out: [], in: [] } };
}

async function measure({ mib, out, in: inward, shell, rates }: Pair): Promise<void> {
  rates.out.push(await fetchRate(inPod('peer'), out, mib));
  rates.in.push(await fetchRate(shell, inward, mib));
}

const node = process.env['PODVISOR_BENCH_NODE'] ?? (await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}']));
await tryKubectl(['create', 'namespace', NAMESPACE]);
await new Promise((resolve) => setTimeout(resolve, 2_000));
await apply(
  NAMESPACE,
  ...(['', '-peer'] as const).flatMap((role) => {
    // Only the peer has an address of CNI's; the guest sets its own.
    const ipam = (address: string): object => (role === '' ? {} : { type: 'static', addresses: [{ address: `${address}/24` }] });
    return [
      attachment(`bench-bridge${role}`, { type: 'bridge', bridge: 'br-bench', ipam: ipam(PEER.bridge) }),
      attachment(`bench-macvlan${role}`, { type: 'macvlan', master: 'eth0', mode: 'bridge', ipam: ipam(PEER.macvtap) }),
    ];
  }),
  servingPod('peer', node),
  servingPod('plain', node),
);
await kubectl(['wait', '--for=condition=Ready', 'pod/peer', 'pod/plain', '-n', NAMESPACE, '--timeout=60s']);
const plain = await plainPair();
await eventually('the peer serves', () => checkWhole(plain.shell, plain.in, LARGE_MIB).then(() => true), 60_000);
// One guest at a time would be quieter, but its rounds would then not lie beside those of the others.
const pairs: Pair[] = [plain];
for (const [at, one] of CASES.entries()) pairs.push(await guestPair(one, `vm-${at}`, node));
for (const pair of pairs) {
  await checkWhole(inPod('peer'), pair.out, pair.mib);
  await checkWhole(pair.shell, pair.in, pair.mib);
}
const loads: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  for (const pair of round % 2 === 0 ? pairs : pairs.toReversed()) await measure(pair);
  loads.push(loadavg()[0] ?? NaN);
}
for (const at of CASES.keys()) await deletePod(NAMESPACE, `vm-${at}`, '--force', '--grace-period=0');
await tryKubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);

const median = ({ rates }: Pair): { out: number; in: number } => ({
  out: percentile(rates.out, 0.5),
  in: percentile(rates.in, 0.5),
});
const ratio = (pair: Pair, base: Pair): string => {
  const [one, other] = [median(pair), median(base)];
  return `${figure(one.out / other.out)}/${figure(one.in / other.in)}`;
};
console.log(`n = ${ROUNDS} transfers each way on ${node}, guests ${MIB} MiB, plain pod ${LARGE_MIB} MiB, medians; load ${figure(Math.min(...loads))} to ${figure(Math.max(...loads))}`); // prettier-ignore
for (const pair of pairs) {
  const rates = median(pair);
  const spread = (values: readonly number[]): string => `(${figure(Math.min(...values))}-${figure(Math.max(...values))})`;
  console.log(`${pair.name.padEnd(20)} out ${figure(rates.out)} MiB/s ${spread(pair.rates.out)}, in ${figure(rates.in)} MiB/s ${spread(pair.rates.in)}`); // prettier-ignore
}
const [, masquerade = plain, ...others] = pairs;
console.log(`against the plain pod, out/in: ${pairs.slice(1).map((pair) => `${pair.name} ${ratio(pair, plain)}`).join(', ')}`); // prettier-ignore
console.log(`bench/network: against masquerade, out/in: ${others.map((pair) => `${pair.name} ${ratio(pair, masquerade)}`).join(', ')}`); // prettier-ignore
