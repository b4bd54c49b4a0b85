/**
 * bench/extender: filter and prioritize of ours against a do-nothing express handler that reads the same request and answers as much, each bundled,
 * with production's V8 flags, in a process of its own on core 0; the load comes from core 1; plain HTTP. Ours knows 5,000 nodes with reports and 50,000 VM pods, in all rows.
 *   PODVISOR_BENCH_ROUNDS=N   rounds of 20 pairs for each row (default 10)
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { parseAllDocuments } from 'yaml';
import { EXTENDER_PATH } from '../../scheduler-plugin/server.ts';
import { agent, pin, post, type Side, startSide, usageOf } from '../admission/side.ts';
import { figure, percentile } from '../lib/statistics.ts';
import { nodeName, waitingPod } from './cluster.ts';

const ROUNDS = Number(process.env['PODVISOR_BENCH_ROUNDS'] ?? 10);
const PER_ROUND = 20;
const NODES = 5_000;
const PODS = 50_000;
const MIB = 2 ** 20;
const BANNER = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;

/** V8 flags of the extender's container. */
function nodeFlags(): string[] {
  const text = readFileSync(new URL('../../manifests/base/scheduler.yaml', import.meta.url), 'utf8');
  interface Workload {
    spec?: { template?: { spec: { initContainers: readonly [{ command: readonly string[] }] } } };
  }
  const found = parseAllDocuments(text).map((one) => (one.toJS() as Workload).spec?.template?.spec.initContainers[0].command);
  return (found.find((words) => words !== undefined) ?? []).filter((word) => word.startsWith('--'));
}

const work = mkdtempSync(join(tmpdir(), 'podvisor-bench-'));
const bundle = join(work, 'server.mjs');
await build({
  entryPoints: [join(import.meta.dirname, 'server.ts')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'esm',
  banner: { js: BANNER },
  define: { PODVISOR_VERSION: '"bench"' },
  logLevel: 'error',
});
pin(process.pid, 1);
const ask = { path: '', body: '', flags: nodeFlags() };
const bare = await startSide('do-nothing', bundle, ['bare'], ask);
const ours = await startSide('ours', bundle, ['ours', String(NODES), String(PODS)], ask);
const filled = await usageOf(ours);

interface Row {
  readonly p50: number;
  readonly p99: number;
}

/** A pair, one after the other, as the scheduler asks; milliseconds. */
async function pair(side: Side, body: string): Promise<number> {
  const start = performance.now();
  for (const verb of ['filter', 'prioritize']) await post({ port: side.port, path: `${EXTENDER_PATH}/${verb}`, body });
  return performance.now() - start;
}

async function rowOf(kind: string, names: number, inFlight: number): Promise<readonly [Row, Row]> {
  const body = JSON.stringify({
    Pod: waitingPod(kind),
    Nodes: null,
    NodeNames: Array.from({ length: names }, (_, index) => nodeName(index)),
  });
  const answer = JSON.parse(await post({ port: ours.port, path: `${EXTENDER_PATH}/filter`, body })) as { NodeNames: unknown[] };
  if (answer.NodeNames.length !== names) throw new Error(`ours passed ${answer.NodeNames.length} of ${names} nodes`);
  const times = new Map<Side, number[]>([[bare, []], [ours, []]]); // prettier-ignore
  for (let round = -1; round < ROUNDS; round++)
    for (const side of round % 2 === 0 ? [bare, ours] : [ours, bare]) {
      const client = async (): Promise<void> => {
        for (let index = 0; index < PER_ROUND / inFlight; index++) {
          const time = await pair(side, body);
          if (round >= 0) times.get(side)!.push(time);
        }
      };
      await Promise.all(Array.from({ length: inFlight }, client));
    }
  const [them, us] = [bare, ours].map((side) => ({
    p50: percentile(times.get(side)!, 0.5),
    p99: percentile(times.get(side)!, 0.99),
  }));
  console.log(
    `${kind.padEnd(10)} ${String(names).padStart(5)} names, ${String(inFlight).padStart(2)} in flight: do-nothing p50 ${figure(them!.p50)} p99 ${figure(them!.p99)}, ` +
      `ours p50 ${figure(us!.p50)} p99 ${figure(us!.p99)} ms: ratio ${figure(us!.p50 / them!.p50)} and ${figure(us!.p99 / them!.p99)}`,
  );
  return [them!, us!];
}

console.log(`filter + prioritize, n = ${ROUNDS * PER_ROUND} each, Node ${process.version}`);
const ratios: string[] = [];
const sizes = [100, 1_000, 5_000].flatMap((names) => [1, 16].map((inFlight) => ({ names, inFlight })));
const rows = ['plain', 'hugepages', 'aligned'].flatMap((kind) => sizes.map((size) => ({ kind, ...size })));
for (const { kind, names, inFlight } of rows) {
  const [them, us] = await rowOf(kind, names, inFlight);
  if (names === 5_000 && inFlight === 1)
    ratios.push(`${kind} p50 ${figure(us.p50 / them.p50)}, p99 ${figure(us.p99 / them.p99)}`);
}
const usage = await usageOf(ours);
console.log(
  `ours, ${NODES} nodes and ${PODS} pods: RSS ${figure(filled.rss / MIB)} MiB when filled (peak ${figure(filled.peak / MIB)}), ${figure(usage.rss / MIB)} in the end (peak ${figure(usage.peak / MIB)}); bound 120`,
);
console.log(`bench/extender: ours / do-nothing at 5,000 names: ${ratios.join('; ')} (bound 2)`);
for (const { child } of [bare, ours]) child.disconnect();
agent.destroy();
rmSync(work, { recursive: true, force: true });
