import type { KubeClient } from '../../../kube/client.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { vmPod } from '../../build/pod.ts';
import { policyObject } from '../../build/policy.ts';
import type { ApiServer } from '../api-server.ts';
import { type Bench, eventually, makeNamespace, published, startBench, startWebhook } from '../webhooks/rig.ts';
import { applyPolicyCrd, policyPath, tryCreate } from './rig.ts';

// How far two replicas that admit at once go beyond the limit of a namespace.
const REPLICAS = 2;
const LIMIT = 10;
const BURST = 60;

let bench: Bench;
let api: ApiServer;
let replicas: WebhookService[] = [];
let counter = 0;
/** While set, the replicas' watches of pods show nothing new: the worst that a loaded API server can do to them. */
let blind = false;

function withHeldWatches(client: KubeClient): KubeClient {
  async function* held(events: ReturnType<KubeClient['stream']>): ReturnType<KubeClient['stream']> {
    for await (const event of events) {
      while (blind) await new Promise((resolve) => setTimeout(resolve, 10));
      yield event;
    }
  }
  const stream: KubeClient['stream'] = (path, query, signal) => {
    const events = client.stream(path, query, signal);
    return path === pathOf(KINDS.pods) ? held(events) : events;
  };
  return { ...client, stream };
}

beforeAll(async () => {
  bench = await startBench('start');
  ({ api } = bench);
  await applyPolicyCrd(api);
  const { target } = bench;
  const start = (): Promise<WebhookService> => startWebhook(api, { client: withHeldWatches(api.client), target });
  replicas = await Promise.all(Array.from({ length: REPLICAS }, start));
  bench.balancer.backends = replicas.map((replica) => replica.port);
  await eventually(() => published(api), Boolean);
  await eventually(
    () => create('start', '?dryRun=All'),
    (text) => text === 'created',
  );
}, 120_000);

afterAll(async () => {
  blind = false;
  await bench.stop(replicas);
}, 60_000);

function create(namespace: string, query = ''): Promise<string> {
  const pod = vmPod({ name: `p${(counter += 1)}`, namespace });
  return tryCreate(api, pathOf(KINDS.pods, { namespace }) + query, pod);
}

/** A namespace whose limit every replica knows, with nothing in it. */
async function limitedNamespace(): Promise<string> {
  const name = `n${(counter += 1)}`;
  await makeNamespace(api, name, 'privileged');
  const here = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } };
  await api.client.create(policyPath(), policyObject(name, { ...here, limits: { vms: LIMIT } }));
  const marker = { rules: [{ name: 'known', expression: "!('marker' in pod.metadata.labels)" }] };
  await api.client.create(policyPath(), policyObject(`${name}-marker`, { ...here, ...marker }));
  const probe = (): Promise<string[]> =>
    Promise.all(
      Array.from({ length: 8 }, () => {
        const pod = vmPod({ name: 'probe', namespace: name, labels: { marker: 'x' } });
        return tryCreate(api, `${pathOf(KINDS.pods, { namespace: name })}?dryRun=All`, pod);
      }),
    );
  for (let seen = 0; seen < 3; seen += 1) await eventually(probe, (all) => all.every((text) => text.includes("rule 'known'")));
  return name;
}

/** Creates many at once; how many were stored. */
async function burst(namespace: string): Promise<number> {
  const answers = await Promise.all(Array.from({ length: BURST }, () => create(namespace)));
  const refused = answers.filter((text) => text !== 'created');
  for (const text of refused) expect(text).toContain(`allowed in the namespace: ${LIMIT}`);
  return BURST - refused.length;
}

/** All replicas have seen what is there: from now on nothing is let in, however often one tries. */
async function expectFull(namespace: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(await burst(namespace)).toBe(0);
}

test('a burst through two replicas stays below twice the room, and the next one finds it full', async () => {
  const stored: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const namespace = await limitedNamespace();
    stored.push(await burst(namespace));
    await expectFull(namespace);
  }
  console.log(`limit ${LIMIT}, ${REPLICAS} replicas, ${BURST} creates at once: ${stored.join(', ')} stored`);
  for (const count of stored) {
    expect(count).toBeGreaterThanOrEqual(LIMIT);
    expect(count).toBeLessThanOrEqual(REPLICAS * LIMIT);
  }
}, 120_000);

test('also while their watches show nothing: each counts what it admitted itself', async () => {
  const namespace = await limitedNamespace();
  blind = true;
  const stored = [await burst(namespace), await burst(namespace)];
  blind = false;
  console.log(`the same with watches that stand still, two bursts: ${stored.join(' + ')} stored`);
  expect(stored[0]! + stored[1]!).toBeLessThanOrEqual(REPLICAS * LIMIT);
  await expectFull(namespace);
}, 120_000);
