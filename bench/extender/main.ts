/**
 * bench/extender: filter and prioritize of ours against a do-nothing express handler that reads the same request and answers as much, each bundled,
 * with production's V8 flags, in a process of its own on core 0; the load comes from core 1; plain HTTP. The requests are kube-scheduler's, of
 * a pod of its own each time and with the nodes in another order. Ours knows 5,000 nodes with reports and 50,000 VM pods, in all rows.
 *   PODVISOR_BENCH_ROUNDS=N                  rounds of 20 pairs for each row (default 10)
 *   PODVISOR_BENCH_CLAIMS=N                  also RSS with N block claims beside, and their volumes (50000)
 *   PODVISOR_TOPOLVM_SCHEDULER=PATH          also topolvm-scheduler, for whole nodes
 */
import { join } from 'node:path';
import { EXTENDER_PATH } from '../../scheduler-plugin/server.ts';
import { bundle } from '../lib/bundle.ts';
import { agent, nodeEnvironment, nodeFlags, pin, post, type Side, startSide, type Usage, usageOf } from '../lib/side.ts';
import { figure, percentile } from '../lib/statistics.ts';
import { type Requests, requestsOf, wholeNodes } from './requests.ts';
import { startTopolvm } from './topolvm.ts';

const ROUNDS = Number(process.env['PODVISOR_BENCH_ROUNDS'] ?? 10);
const PER_ROUND = 20;
const NODES = 5_000;
const PODS = 50_000;
const CLAIMS = Number(process.env['PODVISOR_BENCH_CLAIMS'] ?? 0);
const MIB = 2 ** 20;

interface Row {
  readonly kind: string;
  readonly names: number;
  readonly inFlight: number;
  /** Of every second node ours says no, and the do-nothing handler, too. */
  readonly refuse?: boolean;
  /** The pod is bound after each pair, to the best node. */
  readonly bind?: boolean;
}

interface Figures {
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds of the process for a pair, the binding included. */
  readonly cpu: number;
}

const { file, remove } = await bundle(join(import.meta.dirname, 'server.ts'));
pin(process.pid, 1);
const ask = { path: '', body: '', flags: nodeFlags('scheduler.yaml'), env: nodeEnvironment('scheduler.yaml') };
const bare = await startSide('do-nothing', file, ['bare'], ask);
const ours = await startSide('ours', file, ['ours', String(NODES), String(PODS), '0'], ask);
const filled = await usageOf(ours);

/** One request; its answer, and how long it took in milliseconds. */
async function timed(side: Side, verb: string, body: string): Promise<readonly [string, number]> {
  const start = performance.now();
  const answer = await post({ port: side.port, path: `${EXTENDER_PATH}/${verb}`, body });
  return [answer, performance.now() - start];
}

/** Filter, prioritize with what passed, and perhaps bind, as the scheduler asks; the time of the first two. */
async function pair(side: Side, row: Row, requests: Requests): Promise<number> {
  const [filtered, filterTime] = await timed(side, row.refuse === true ? 'filter?refuse=odd' : 'filter', requests.filter);
  const { NodeNames: passed } = JSON.parse(filtered) as { NodeNames: readonly string[] };
  const expected = row.refuse === true ? row.names / 2 : row.names;
  // Nodes fill up where pods are bound.
  if (passed.length > expected || passed.length < expected - (row.bind === true ? ROUNDS * PER_ROUND : 0))
    throw new Error(`${side.name} passed ${passed.length} of ${row.names} nodes, not ${expected}`);
  const [scored, scoreTime] = await timed(side, 'prioritize', requests.prioritize(passed));
  if (row.bind === true) await timed(side, 'bind', requests.bind(bestOf(scored)));
  return filterTime + scoreTime;
}

function bestOf(scored: string): string {
  const list = JSON.parse(scored) as readonly { readonly Host: string; readonly Score: number }[];
  return list.reduce((best, one) => (one.Score > best.Score ? one : best)).Host;
}

/** Both sides in turns. */
async function measure(row: Row): Promise<readonly [Figures, Figures]> {
  const requests = requestsOf(row.kind, row.names);
  const times = new Map<Side, number[]>([[bare, []], [ours, []]]); // prettier-ignore
  const cpu = new Map<Side, number>([[bare, 0], [ours, 0]]); // prettier-ignore
  for (let round = -1; round < ROUNDS; round++)
    for (const side of round % 2 === 0 ? [bare, ours] : [ours, bare]) {
      const client = async (): Promise<void> => {
        for (let index = 0; index < PER_ROUND / row.inFlight; index++) {
          const time = await pair(side, row, requests());
          if (round >= 0) times.get(side)!.push(time);
        }
      };
      const before = (await usageOf(side)).cpu;
      await Promise.all(Array.from({ length: row.inFlight }, client));
      if (round >= 0) cpu.set(side, cpu.get(side)! + (await usageOf(side)).cpu - before);
    }
  const figures = ([bare, ours] as const).map((side): Figures => {
    const list = times.get(side)!;
    return { p50: percentile(list, 0.5), p99: percentile(list, 0.99), cpu: cpu.get(side)! / 1000 / list.length };
  });
  return [figures[0]!, figures[1]!];
}

function ratioOf(us: Figures, them: Figures): string {
  return `p50 ${figure(us.p50 / them.p50)}, p99 ${figure(us.p99 / them.p99)}, CPU ${figure(us.cpu / them.cpu)}`;
}

function show(title: string, them: Figures, us: Figures): void {
  const text = ({ p50, p99, cpu }: Figures): string => `p50 ${figure(p50)} p99 ${figure(p99)} CPU ${figure(cpu)}`;
  console.log(`${title.padEnd(44)} do-nothing ${text(them)}, ours ${text(us)} ms: ratio ${ratioOf(us, them)}`);
}

const sizes = [100, 1_000, 5_000].flatMap((names) => [1, 16].map((inFlight) => ({ names, inFlight })));
const rows: readonly Row[] = [
  ...['plain', 'hugepages', 'aligned'].flatMap((kind) => sizes.map((size) => ({ kind, ...size }))),
  { kind: 'large', names: 5_000, inFlight: 1, refuse: true },
  { kind: 'hugepages', names: 5_000, inFlight: 1, bind: true },
];
console.log(
  `filter + prioritize, n = ${ROUNDS * PER_ROUND} each, Node ${process.version}; CPU of the server's process for each pair`,
);
const ratios: string[] = [];
for (const row of rows) {
  const { kind, names, inFlight, refuse = false, bind = false } = row;
  const [them, us] = await measure(row);
  const special = [...(refuse ? ['half refused'] : []), ...(bind ? ['one bound after each'] : [])].map((text) => `, ${text}`);
  show(
    `${kind.padEnd(9)} ${String(names).padStart(4)} names, ${String(inFlight).padStart(2)} in flight${special.join('')}`,
    them,
    us,
  );
  if (names === 5_000 && inFlight === 1) ratios.push(`${kind}${special.join('')} ${ratioOf(us, them)}`);
}
const usage = await usageOf(ours);

/** RSS of one that knows claims, too: filled, and after some pairs. */
async function showClaims(): Promise<void> {
  const side = await startSide('ours, with claims', file, ['ours', String(NODES), String(PODS), String(CLAIMS)], ask);
  const [before, requests] = [await usageOf(side), requestsOf('hugepages', NODES)];
  for (let index = 0; index < ROUNDS * PER_ROUND; index++)
    await pair(side, { kind: 'hugepages', names: NODES, inFlight: 1 }, requests());
  console.log(`the same with ${CLAIMS} block claims and their volumes: ${rssText(before, await usageOf(side))}`);
  side.child.disconnect();
}

function rssText(before: Usage, after: Usage): string {
  const [first, firstPeak, last, lastPeak] = [before.rss, before.peak, after.rss, after.peak].map((bytes) => figure(bytes / MIB));
  return `RSS ${first} MiB when filled (peak ${firstPeak}), ${last} after the names (peak ${lastPeak})`;
}

/** Whole nodes, one request after another: milliseconds of filter and of prioritize. */
async function whole(port: number, paths: readonly [string, string], body: string): Promise<readonly [number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS * 2; round++)
    for (const [at, path] of paths.entries()) {
      const start = performance.now();
      await post({ port, path, body });
      if (round > 0) times[at]!.push(performance.now() - start);
    }
  return [percentile(times[0], 0.5), percentile(times[1], 0.5)];
}

const VERBS = [`${EXTENDER_PATH}/filter`, `${EXTENDER_PATH}/prioritize`] as const;
const body = wholeNodes(400);
const [bareWhole, oursWhole] = [await whole(bare.port, VERBS, body), await whole(ours.port, VERBS, body)];
const topolvm = await startTopolvm();
const topolvmWhole = await topolvm?.measure((port, paths, annotations) => whole(port, paths, wholeNodes(400, annotations)));
const sum = ([filter, prioritize]: readonly [number, number]): number => filter + prioritize;
const wholeText = ([filter, prioritize]: readonly [number, number]): string => `${figure(filter)} + ${figure(prioritize)} ms`;
console.log(
  `400 whole nodes (${figure(body.length / MIB)} MiB), filter + prioritize p50: do-nothing ${wholeText(bareWhole)}, ours ${wholeText(oursWhole)}, topolvm-scheduler ` +
    (topolvmWhole === undefined
      ? 'not measured (PODVISOR_TOPOLVM_SCHEDULER is not set)'
      : `${wholeText(topolvmWhole)}; ours / topolvm ${figure(sum(oursWhole) / sum(topolvmWhole))} (bound 0.25)`),
);
console.log(
  `400 whole nodes, ours / do-nothing ${figure(sum(oursWhole) / sum(bareWhole))}; RSS of ours after them ${figure((await usageOf(ours)).rss / MIB)} MiB`,
);
console.log(`ours, ${NODES} nodes and ${PODS} pods: ${rssText(filled, usage)}; bound 120`);
if (CLAIMS > 0) await showClaims();
console.log(`bench/extender: ours / do-nothing at 5,000 names: ${ratios.join('; ')} (bound 2)`);
for (const { child } of [bare, ours]) child.disconnect();
agent.destroy();
remove();
