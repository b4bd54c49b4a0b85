/**
 * bench/admission: our webhooks against a bare express handler that parses the same body and sends a fixed answer of the same size, each bundled,
 * with production's V8 flags, in a process of its own on core 0; the load comes from core 1; plain HTTP, because TLS would be the same in all.
 * Blocks in turn: p50 and p99 at 200/s (open loop), CPU per request, then the highest rate of a closed loop.
 *   PODVISOR_BENCH_ROUNDS=N   blocks of 400 requests each (default 10)
 * The row with 100 policies has ten for the pod's namespace and ninety for others. All requests of a side are for pods of one ReplicaSet but in the row
 * "all pods different", where no two of a thousand are of one template.
 *   PODVISOR_BENCH_FULL=1     100,000 requests at 200/s to ours in the end, for its memory (8 minutes and more)
 */
import { join } from 'node:path';
import { mutated } from '../../test/unit/webhooks/admit.ts';
import type { Pod } from '../../api/pod.ts';
import { MUTATE_PATH, VALIDATE_PATH } from '../../webhooks/names.ts';
import { bundle } from '../lib/bundle.ts';
import { agent, nodeFlags, pin, post, type Side, startSide, usageOf } from '../lib/side.ts';
import { figure, percentile } from '../lib/statistics.ts';
import { differentBodies, reviewBody } from './body.ts';
import { flatOut, lateness, lost, paced } from './load.ts';
import { pureMicroseconds } from './pure.ts';

const BLOCKS = Number(process.env['PODVISOR_BENCH_ROUNDS'] ?? 10);
const PER_BLOCK = 400;
const RATE = 200;
const MIB = 2 ** 20;

const { file, remove } = await bundle(join(import.meta.dirname, 'server.ts'));
pin(process.pid, 1);

const flags = nodeFlags('webhook.yaml');
const mutate = { flags, path: MUTATE_PATH, body: reviewBody('mutate') };
const different = { ...mutate, body: differentBodies(1_000) };
const validate = {
  ...mutate,
  path: VALIDATE_PATH,
  body: reviewBody('validate', (pod) => mutated(pod as Pod, { namespace: 'bench' })),
};
const ours = await startSide('ours', file, ['ours', '0'], mutate);
const answer = await post(ours);
if (!answer.includes('"allowed":true')) throw new Error(`our handler refused the benchmark's pod: ${answer}`);
const bare = await startSide('bare express', file, ['bare', answer], mutate);
const ten = await startSide('ours, 10 policies', file, ['ours', '10'], mutate);
const hundred = await startSide('ours, 100', file, ['ours', '100'], mutate);
const various = await startSide('ours, 10, all pods different', file, ['ours', '10'], different);
const checks = await startSide('ours, validate, 10', file, ['ours', '10'], validate);
const sides: readonly Side[] = [bare, ours, ten, various, hundred, checks];
for (const side of sides)
  if (!(await post(side)).includes('"allowed":true'))
    throw new Error(`${side.name} refused the benchmark's pod: ${await post(side)}`);

for (const side of sides) await paced(side, PER_BLOCK, RATE, false);
const before = await Promise.all(sides.map(usageOf));
for (let round = 0; round < BLOCKS; round++)
  for (const side of round % 2 ? sides : sides.toReversed()) await paced(side, PER_BLOCK, RATE, true);
const after = await Promise.all(sides.map(usageOf));
const rates: number[] = [];
for (const side of sides) rates.push(await flatOut(side, 16, Math.max(1, BLOCKS / 2)));

console.log(
  `n = ${ours.latencies.length} each at ${RATE}/s, body ${mutate.body.length} B, answer ${answer.length} B, Node ${process.version}`,
);
const rows = sides.map(({ name, latencies }, index) => {
  const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)];
  const cpu = (after[index]!.cpu - before[index]!.cpu) / latencies.length;
  const row = { p50, p99, cpu, rate: rates[index]!, rss: after[index]!.rss / MIB };
  const memory = `RSS ${figure(row.rss)} MiB (peak ${figure(after[index]!.peak / MIB)})`;
  console.log(
    `${name.padEnd(28)} p50 ${figure(p50)} ms   p99 ${figure(p99)} ms   CPU ${figure(cpu)} us   at most ${Math.round(row.rate)}/s   ${memory}`,
  );
  return row;
});
for (const [webhook, { body }] of Object.entries({ mutate, validate }))
  console.log(
    `pure ${webhook}: ${figure(pureMicroseconds(body, webhook as 'mutate' | 'validate'))} us from parsed body to patch`,
  );
if (process.env['PODVISOR_BENCH_FULL'] === '1') {
  await paced(ten, 100_000 - ten.latencies.length, RATE, false);
  const { rss, peak } = await usageOf(ten);
  console.log(
    `ours, 10 policies, after 100,000 requests at ${RATE}/s: RSS ${figure(rss / MIB)} MiB, peak ${figure(peak / MIB)}; bound 100`,
  );
}
if (lost.length > 0) console.log(`${lost.length} requests got no answer, such as ${lost[0]}`);
const late = percentile(lateness, 0.99);
console.log(
  `requests were sent up to ${figure(late)} ms late (p99)${late > 5 ? ': the machine is busy, so only the ratios say something' : ''}`,
);
const [them, , us] = rows;
console.log(
  `bench/admission: with 10 policies / bare p50 ${figure(us!.p50 / them!.p50)}, p99 ${figure(us!.p99 / them!.p99)} (bound 1.5), CPU ${figure(us!.cpu / them!.cpu)}, highest rate ${figure(us!.rate / them!.rate)} (bound 0.4)`,
);
for (const { child } of sides) child.disconnect();
agent.destroy();
remove();
