/**
 * bench/scheduler: VM pods bound per second by upstream's kube-scheduler on a real API server, without extender, with a do-nothing extender, and
 * with ours, in turns on the same nodes. The pods wait before the scheduler starts; time runs from the first to the last binding. All three run
 * with manifests/base/scheduler.yaml and scheduler-config.yaml: as they are, where kube-scheduler keeps to 50 requests a second of its own (ours binds, so there it has none to
 * make but Events), and without that limit, where processor time is what there is to share.
 *   PODVISOR_BENCH_QPS=0,10000       requests a second of the scheduler's; 0 = as installed
 *   PODVISOR_BENCH_NODES=1000,5000   sizes, ascending
 *   PODVISOR_BENCH_PODS=2000         pods for each turn
 *   PODVISOR_BENCH_WAYS=0,1,2        which of the three, in this order
 *   PODVISOR_BENCH_ROUNDS=N          turns of each way (default 1); the median counts
 *   PODVISOR_BENCH_PERCENTAGE=N      percentageOfNodesToScore (default as installed, 100); 0 = as kube-scheduler has it by itself
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { HttpKubeClient } from '../../kube/http-client.ts';
import { eventually } from '../../test/build/eventually.ts';
import { type ApiServer, startApiServer } from '../../test/integration/api-server.ts';
import { kill, launch } from '../../test/integration/programs.ts';
import { writeOurConfig } from '../../test/integration/scheduler-plugin/rig.ts';
import { bundle } from '../lib/bundle.ts';
import { installedScheduler, peakOf } from '../lib/side.ts';
import { figure, percentile } from '../lib/statistics.ts';
import { addNodes, each, PODS, prepare, waitingPod } from './cluster.ts';
import { alone, cpuOf, doNothing, ours, type Way } from './extender.ts';

const SIZES = (process.env['PODVISOR_BENCH_NODES'] ?? '1000,5000').split(',').map(Number);
const COUNT = Number(process.env['PODVISOR_BENCH_PODS'] ?? 2_000);
const ROUNDS = Number(process.env['PODVISOR_BENCH_ROUNDS'] ?? 1);
const PERCENTAGE = process.env['PODVISOR_BENCH_PERCENTAGE'];
const QPS = (process.env['PODVISOR_BENCH_QPS'] ?? '0,10000').split(',').map(Number);

interface Turn {
  readonly rate: number;
  readonly schedulerCpu: number;
  readonly extenderCpu: number;
  /** MiB. */
  readonly schedulerPeak: number;
}

/** When each pod was seen bound, by our own watch. */
function watchBindings(client: HttpKubeClient, version: string): { readonly times: Map<string, number>; stop(): void } {
  const times = new Map<string, number>();
  const stopping = new AbortController();
  const follow = async (): Promise<void> => {
    for await (const { object } of client.stream(
      PODS,
      { resourceVersion: version, fieldSelector: 'spec.nodeName!=' },
      stopping.signal,
    )) {
      const { name = '' } = object['metadata'] as { name?: string };
      if (!times.has(name)) times.set(name, performance.now());
    }
  };
  follow().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  return { times, stop: () => stopping.abort() };
}

async function removePods(client: HttpKubeClient): Promise<void> {
  await each(COUNT, (index) => client.delete(`${PODS}/vm-${index}`, { gracePeriodSeconds: 0 }));
  await eventually(
    'all pods are gone',
    async () => (await client.get<{ items: unknown[] }>(PODS, { limit: 1 })).items.length === 0,
  );
}

async function turn(api: ApiServer, way: Way, qps: number): Promise<Turn> {
  const { client, directory } = api;
  await each(COUNT, (index) => client.create(PODS, waitingPod(index)));
  const { metadata } = await client.get<{ metadata: { resourceVersion: string } }>(PODS, { limit: 1 });
  const seen = watchBindings(client, metadata.resourceVersion);
  const config = await writeOurConfig(api, way.port, (given) => ({
    ...way.configure(given),
    ...(PERCENTAGE === undefined ? {} : { percentageOfNodesToScore: Number(PERCENTAGE) }),
    clientConnection: qps === 0 ? {} : { qps, burst: qps },
  }));
  const log = await open(join(directory, 'kube-scheduler.log'), 'w');
  const before = way.cpu();
  const { env, flags } = installedScheduler();
  const scheduler = launch('kube-scheduler', [`--config=${config}`, '--secure-port=0', ...flags], log, env);
  await eventually('all pods are bound', () => Promise.resolve(seen.times.size === COUNT), 600_000);
  const times = [...seen.times.values()];
  const turned: Turn = {
    rate: ((COUNT - 1) * 1000) / (Math.max(...times) - Math.min(...times)),
    schedulerCpu: (cpuOf(scheduler.child.pid ?? 0) * 1000) / COUNT,
    extenderCpu: ((way.cpu() - before) * 1000) / COUNT,
    schedulerPeak: peakOf(scheduler.child.pid ?? 0) / 2 ** 20,
  };
  seen.stop();
  await kill(scheduler);
  await log.close();
  await removePods(client);
  return turned;
}

/** Each way so many times, on the nodes there are. */
async function turns(
  api: ApiServer,
  ways: readonly (() => Promise<Way>)[],
  qps: number,
): Promise<ReadonlyMap<string, readonly Turn[]>> {
  const done = new Map<string, Turn[]>();
  const order = Array.from({ length: ROUNDS }, (_, round) => (round % 2 === 0 ? ways : ways.toReversed())).flat();
  for (const make of order) {
    const way = await make();
    const one = await turn(api, way, qps).finally(() => way.stop());
    done.set(way.name, [...(done.get(way.name) ?? []), one]);
  }
  return done;
}

function median(list: readonly Turn[], key: keyof Turn): number {
  const values = list.map((one) => one[key]);
  return percentile(values, 0.5);
}

const bare = await bundle(join(import.meta.dirname, '../extender/server.ts'));
const extender = await bundle(join(import.meta.dirname, '../../scheduler-plugin/main.ts'));
const api = await startApiServer({ withoutAdmission: ['ServiceAccount', 'TaintNodesByCondition', 'Priority'] });
const all = [() => Promise.resolve(alone()), () => doNothing(bare.file), () => ours(extender.file, api)];
const ways = (process.env['PODVISOR_BENCH_WAYS'] ?? '0,1,2').split(',').flatMap((index) => all[Number(index)] ?? []);

/** One size of cluster under one limit; the line of ratios. */
async function compare(nodes: number, qps: number): Promise<string> {
  const done = await turns(api, ways, qps);
  const limit = qps === 0 ? 'as installed' : `${qps} requests/s`;
  for (const [name, list] of done) {
    const cpu = `CPU per pod: scheduler ${figure(median(list, 'schedulerCpu'))} ms, extender ${figure(median(list, 'extenderCpu'))} ms; scheduler's peak ${figure(median(list, 'schedulerPeak'))} MiB`;
    const all = list.map(({ rate }) => figure(rate)).join(', ');
    const what = `${String(nodes).padStart(5)} nodes, ${limit}, ${name.padEnd(20)}`;
    console.log(`${what} ${figure(median(list, 'rate'))} pods/s (${all}); ${cpu}`);
  }
  const [none = [], podvisor = []] = ['no extender', 'Podvisor'].map((name) => done.get(name));
  return `${figure(median(podvisor, 'rate') / median(none, 'rate'))} at ${nodes} nodes ${limit}`;
}

try {
  await prepare(api.client);
  const ratios: string[] = [];
  for (const [index, nodes] of SIZES.entries()) {
    await addNodes(api.client, SIZES[index - 1] ?? 0, nodes);
    for (const qps of QPS) ratios.push(await compare(nodes, qps));
  }
  console.log(`bench/scheduler: ${COUNT} pods, ours / no extender: ${ratios.join(', ')} (bound 0.8)`);
} finally {
  await api.close();
  for (const one of [bare, extender]) one.remove();
}
