/** `make fuzz`: damaged AdmissionReviews against the real admission app for PODVISOR_FUZZ_SECONDS (600), from PODVISOR_FUZZ_SEED. */
import { writeFileSync } from 'node:fs';
import { fuzzCase } from './cases.ts';
import { objection, startTarget } from './check.ts';
import { createRng } from './random.ts';

const seconds = Number(process.env['PODVISOR_FUZZ_SECONDS'] ?? 600);
const seed = Number(process.env['PODVISOR_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const BOUND_MIB = 512;

console.log(`fuzz: seed ${seed}, ${seconds} s (PODVISOR_FUZZ_SEED=${seed} makes the same cases again)`);
const rng = createRng(seed);
const target = await startTarget();
const counts = new Map<string, number>();
const end = Date.now() + seconds * 1000;
let cases = 0;
let peak = 0;
while (Date.now() < end) {
  const one = fuzzCase(rng);
  const answer = await target.ask(one).catch((error: unknown) => ({ status: 0, text: String(error) }));
  const reason = objection(one, answer);
  cases += 1;
  peak = Math.max(peak, process.memoryUsage.rss() / 2 ** 20);
  const outcome =
    answer.status === 200 ? (answer.text.includes('"allowed":true') ? '200 allowed' : '200 refused') : String(answer.status);
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  if (reason !== '' || peak > BOUND_MIB) {
    writeFileSync('fuzz-failure.json', one.body);
    console.log(
      `fuzz: case ${cases} of seed ${seed} (${one.webhook}; body in fuzz-failure.json): ${reason || `RSS ${peak} MiB`}`,
    );
    process.exit(1);
  }
}
target.close();
const shown = [...counts].map(([outcome, count]) => `${outcome}: ${count}`).join(', ');
console.log(
  `fuzz: ${cases} cases of seed ${seed}, ${shown}; peak RSS ${Math.round(peak)} MiB with the fuzzer in the same process; 0 failures`,
);
process.exit(0);
