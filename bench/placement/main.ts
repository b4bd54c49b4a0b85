/**
 * bench/placement: where 1,000 VMs end on a fragmented cluster, with upstream's kube-scheduler alone and with our extender, both really run on the same
 * API server one after the other. The brute-force oracle of the tests, which shares no code with the extender, says of each VM whether it can run
 * where it is bound, and of each that waits whether any node has room. Table, and the picture docs/images/placement.svg.
 *   PODVISOR_BENCH_NODES=220   nodes
 *   PODVISOR_BENCH_PODS=1000   VMs
 *   PODVISOR_BENCH_SEED=1      of nodes and VMs
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PLAN_ANNOTATION } from '../../api/names.ts';
import { eventually } from '../../test/build/eventually.ts';
import { type ApiServer, startApiServer } from '../../test/integration/api-server.ts';
import { kill, launch } from '../../test/integration/programs.ts';
import { REPORTS, writeOurConfig } from '../../test/integration/scheduler-plugin/rig.ts';
import { bundle } from '../lib/bundle.ts';
import { each, PODS, prepare } from '../scheduler/cluster.ts';
import { alone, ours, type Way } from '../scheduler/extender.ts';
import { allocatable, fragmentedNodes, reportOf, vms, type Vm } from './cluster.ts';
import { judge, type Outcome, type Score } from './judge.ts';
import { picture } from './picture.ts';

const NODES = Number(process.env['PODVISOR_BENCH_NODES'] ?? 220);
const COUNT = Number(process.env['PODVISOR_BENCH_PODS'] ?? 1_000);
const SEED = Number(process.env['PODVISOR_BENCH_SEED'] ?? 1);
/** So long without a new binding, and all that wait were told why, and it is over. */
const QUIET_MS = 20_000;

const nodes = fragmentedNodes(NODES, SEED);
const all = vms(COUNT, SEED + 1);

interface StoredPod {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly lastTransitionTime: string }[];
  };
}

async function addNodes({ client }: ApiServer): Promise<void> {
  await each(nodes.length, async (index) => {
    const node = nodes[index]!;
    const resources = allocatable(node);
    const status = { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] };
    await client.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: node.name }, status });
    await client.create(REPORTS, { apiVersion: 'podvisor.dev/v1alpha1', kind: 'NodeReport', metadata: { name: node.name } });
    const body = { status: reportOf(node) };
    await client.patch(`${REPORTS}/${node.name}`, { type: 'merge', body, subresource: 'status' });
  });
}

/** The pods once nothing moves any more, and the order in which they were bound. */
async function settled({ client }: ApiServer): Promise<{ pods: readonly StoredPod[]; order: ReadonlyMap<string, number> }> {
  const order = new Map<string, number>();
  let last = performance.now();
  const pods = await eventually(
    'nothing moves any more',
    async () => {
      const { items } = await client.get<{ items: readonly StoredPod[] }>(PODS);
      for (const { metadata, spec } of items) {
        if (spec.nodeName === undefined || order.has(metadata.name)) continue;
        order.set(metadata.name, order.size);
        last = performance.now();
      }
      const told = items.every(({ status }) => status?.conditions?.some(({ type }) => type === 'PodScheduled') === true);
      return told && performance.now() - last > QUIET_MS ? items : undefined;
    },
    1_200_000,
  );
  return { pods, order };
}

async function run(api: ApiServer, way: Way): Promise<Score> {
  const { client, directory } = api;
  await each(COUNT, (index) => client.create(PODS, all[index]!.pod));
  const config = await writeOurConfig(api, way.port, (given) => ({
    ...way.configure(given),
    clientConnection: { qps: 10_000, burst: 10_000 },
  }));
  const log = await open(join(directory, 'kube-scheduler.log'), 'w');
  const scheduler = launch('kube-scheduler', [`--config=${config}`, '--secure-port=0'], log);
  try {
    const { pods, order } = await settled(api);
    const place = (name: string): number => order.get(name) ?? Number.MAX_SAFE_INTEGER;
    const sorted = [...pods].sort((a, b) => place(a.metadata.name) - place(b.metadata.name));
    return judge(nodes, sorted.map(outcomeOf));
  } finally {
    await kill(scheduler);
    await log.close();
    await each(COUNT, (index) => client.delete(`${PODS}/${all[index]!.name}`, { gracePeriodSeconds: 0 }));
  }
}

const byName = new Map<string, Vm>(all.map((vm) => [vm.name, vm]));

function outcomeOf({ metadata, spec }: StoredPod): Outcome {
  const plan = metadata.annotations?.[PLAN_ANNOTATION];
  return {
    vm: byName.get(metadata.name)!,
    node: spec.nodeName,
    plan: plan === undefined ? undefined : (JSON.parse(plan) as Outcome['plan']),
  };
}

const extender = await bundle(join(import.meta.dirname, '../../scheduler-plugin/main.ts'));
const api = await startApiServer({ withoutAdmission: ['ServiceAccount', 'TaintNodesByCondition', 'Priority'] });
try {
  await prepare(api.client);
  await addNodes(api);
  const bars: { name: string; score: Score }[] = [];
  for (const make of [() => Promise.resolve(alone()), () => ours(extender.file, api)]) {
    const way = await make();
    const score = await run(api, way).finally(() => way.stop());
    bars.push({ name: way.name === 'Podvisor' ? 'with Podvisor' : 'kube-scheduler', score });
    console.log(`${bars.at(-1)!.name.padEnd(15)} ${Object.entries(score).map(([part, count]) => `${part} ${count}`).join(', ')}`); // prettier-ignore
  }
  const directory = join(import.meta.dirname, '../../docs/images');
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(directory, 'placement.svg'),
    picture(`${COUNT} VMs on ${NODES} fragmented nodes (npm run bench:placement)`, bars),
  );
  const [plain, podvisor] = bars.map(({ score }) => score);
  console.log(
    `bench/placement: of ${COUNT} VMs wrong ${plain!.wrong} and ${podvisor!.wrong}, missed ${plain!.missed} and ${podvisor!.missed}, right ${plain!.right} and ${podvisor!.right} (kube-scheduler and with Podvisor; bound 0 wrong, 0 missed)`,
  );
} finally {
  await api.close();
  extender.remove();
}
