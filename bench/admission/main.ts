/**
 * bench/admission: latency and CPU of our mutating handler against a bare express handler that parses the same body and sends a fixed answer of
 * the same size. Both in processes of their own, plain HTTP (TLS would be the same in both), blocks of requests in turn, paced at 200/s.
 * RSS here has the type stripper in it (sources, not the bundle): good for comparing the two, not as a figure of the product.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { parseAllDocuments } from 'yaml';
import { vmPod } from '../../test/e2e/harness/objects.ts';
import { MUTATE_PATH } from '../../webhooks/names.ts';
import { figure, percentile } from '../lib/statistics.ts';

const BLOCKS = Number(process.env['PODVISOR_BENCH_ROUNDS'] ?? 10);
const PER_BLOCK = 400;
const PER_SECOND = 200;
/** How late requests were sent, ms: what this machine does to a process that only waits. Both sides' latencies contain as much. */
const lateness: number[] = [];
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

interface Side {
  readonly child: ChildProcess;
  readonly port: number;
  readonly latencies: number[];
}

const body = JSON.stringify({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: '7a3b1d0e-0000-4000-8000-000000000000',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    operation: 'CREATE',
    namespace: 'bench',
    name: 'vm',
    userInfo: { username: 'bench' },
    dryRun: false,
    object: vmPod('vm'),
    oldObject: null,
    options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
  },
});

function post(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const out = request({ agent, port, host: '127.0.0.1', method: 'POST', path: MUTATE_PATH, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`HTTP ${response.statusCode}: ${text}`)),
      );
    });
    out.on('error', reject);
    out.end(body);
  });
}

/** Node's flags as in production, for both sides. */
function nodeFlags(): string[] {
  const text = readFileSync(new URL('../../manifests/base/webhook.yaml', import.meta.url), 'utf8');
  interface Workload {
    spec?: { template?: { spec: { containers: readonly [{ command: readonly string[] }] } } };
  }
  const found = parseAllDocuments(text).map(
    (document) => (document.toJS() as Workload).spec?.template?.spec.containers[0].command,
  );
  const command = found.find((words) => words !== undefined);
  if (command === undefined) throw new Error('manifests/base/webhook.yaml holds no command');
  return command.filter((word) => word.startsWith('--'));
}

async function startSide(...args: readonly string[]): Promise<Side> {
  const child = fork(new URL('./server.ts', import.meta.url), args, { execPath: process.execPath, execArgv: nodeFlags() });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { child, port, latencies: [] };
}

async function ask(side: Side): Promise<{ cpu: NodeJS.CpuUsage; rss: number }> {
  side.child.send('usage');
  return ((await once(side.child, 'message')) as [{ cpu: NodeJS.CpuUsage; rss: number }])[0];
}

async function block(side: Side, keep: boolean): Promise<void> {
  const start = performance.now();
  const calls: Promise<void>[] = [];
  for (let index = 0; index < PER_BLOCK; index++) {
    const due = start + (index * 1000) / PER_SECOND;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const sent = performance.now();
    if (keep) lateness.push(sent - due);
    calls.push(
      post(side.port).then(() => {
        if (keep) side.latencies.push(performance.now() - sent);
      }),
    );
  }
  await Promise.all(calls);
}

const ours = await startSide('ours');
const answer = await post(ours.port);
if (!answer.includes('"allowed":true')) throw new Error(`our handler refused the benchmark's pod: ${answer}`);
const bare = await startSide('bare', answer);
const sides = [ours, bare];
for (const side of sides) await block(side, false);
const before = await Promise.all(sides.map(ask));
for (let round = 0; round < BLOCKS; round++) for (const side of round % 2 ? sides : [...sides].reverse()) await block(side, true);
const after = await Promise.all(sides.map(ask));
const rows = sides.map((side, index) => {
  const spent = after[index]!.cpu.user + after[index]!.cpu.system - before[index]!.cpu.user - before[index]!.cpu.system;
  return {
    p50: percentile(side.latencies, 0.5),
    p99: percentile(side.latencies, 0.99),
    cpu: spent / side.latencies.length,
    rss: after[index]!.rss / 2 ** 20,
  };
});
console.log(`n = ${ours.latencies.length} each at ${PER_SECOND}/s, body ${body.length} B, answer ${answer.length} B`);
for (const [index, row] of rows.entries()) {
  const name = index === 0 ? 'our handler ' : 'bare express';
  console.log(
    `${name}  p50 ${figure(row.p50)} ms   p99 ${figure(row.p99)} ms   CPU ${figure(row.cpu)} us/request   RSS ${figure(row.rss)} MiB`,
  );
}
const late = percentile(lateness, 0.99);
const noise = late > 5 ? ': the machine is busy, so only the ratios say something' : '';
console.log(`requests were sent up to ${figure(late)} ms late (p99)${noise}`);
const [us, them] = rows;
console.log(
  `bench/admission: ours/bare p50 ${figure(us!.p50 / them!.p50)}, p99 ${figure(us!.p99 / them!.p99)}, CPU ${figure(us!.cpu / them!.cpu)}; our p99 / 10 ms bound ${figure(us!.p99 / 10)}`,
);
for (const { child } of sides) child.disconnect();
agent.destroy();
