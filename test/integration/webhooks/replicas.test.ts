import type { KubeClient } from '../../../kube/client.ts';
import type { KubeError } from '../../../kube/errors.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { PROBE_PATH } from '../../../webhooks/names.ts';
import { probeSelf } from '../../../webhooks/publish/self-probe.ts';
import { vmPod } from '../../build/pod.ts';
import type { ApiServer } from '../api-server.ts';
import type { Balancer } from './balancer.ts';
import { type Bench, eventually, published, startBench, startWebhook } from './rig.ts';

const NAMESPACE = 'free';
const SECRET = pathOf(KINDS.secrets, { namespace: 'podvisor-system', name: 'podvisor-webhook-tls' });
const CONFIGURATIONS = [KINDS.mutatingWebhooks, KINDS.validatingWebhooks].map((kind) => pathOf(kind, { name: 'podvisor' }));
const LIFETIMES = { authorityMs: 36_000, leafMs: 16_000, settleMs: 4000, backdateMs: 300_000 };

let bench: Bench;
let api: ApiServer;
let balancer: Balancer;
let replicas: WebhookService[] = [];
/** What the replicas wrote, and whether it was taken: `PUT …/secrets/… ok`. */
const writes: string[] = [];
let counter = 0;

/** Number of writes once none has come for a second: of two replicas that publish at the same moment one is refused, a little later. */
async function settledWrites(): Promise<number> {
  for (let before = -1; before !== writes.length;) {
    before = writes.length;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return writes.length;
}

/** Counts what goes through it and changes nothing. */
function counting(client: KubeClient): KubeClient {
  const counted = async <T>(text: string, call: Promise<T>): Promise<T> => {
    const end = (how: string): number => writes.push(`${text} ${how}`);
    call.then(
      () => end('ok'),
      (error: unknown) => end((error as KubeError).reason),
    );
    return call;
  };
  return {
    ...client,
    create: (path, body, query) => counted(`POST ${path}`, client.create(path, body, query)),
    replace: (path, body) => counted(`PUT ${path}`, client.replace(path, body)),
    patch: (path, patch) => counted(`PATCH ${path}`, client.patch(path, patch)),
    delete: (path, body) => counted(`DELETE ${path}`, client.delete(path, body)),
  };
}

async function startReplicas(count: number): Promise<WebhookService[]> {
  const start = (): Promise<WebhookService> =>
    startWebhook(api, {
      client: counting(api.client),
      lifetimes: LIFETIMES,
      target: bench.target,
    });
  return Promise.all(Array.from({ length: count }, start));
}

async function startBoth(): Promise<void> {
  replicas = await startReplicas(2);
  balancer.backends = replicas.map((replica) => replica.port);
}

beforeAll(async () => {
  bench = await startBench(NAMESPACE);
  ({ api, balancer } = bench);
  await startBoth();
  await eventually(() => published(api), Boolean);
  await eventually(create, (text) => text === 'created');
}, 120_000);

afterAll(() => bench.stop(replicas), 60_000);

async function create(): Promise<string> {
  const pod = vmPod({ name: `p${(counter += 1)}`, namespace: NAMESPACE });
  return api.client
    .create<{ spec: { schedulerName: string } }>(pathOf(KINDS.pods, { namespace: NAMESPACE }), pod, { dryRun: 'All' })
    .then(
      ({ spec }) => (spec.schedulerName === 'podvisor-scheduler' ? 'created' : 'not mutated'),
      (error: unknown) => (error as KubeError).message,
    );
}

const secret = async (): Promise<Record<string, string>> => (await api.client.get<{ data: Record<string, string> }>(SECRET)).data;

async function publishedTrust(): Promise<string[]> {
  const found = CONFIGURATIONS.map((path) => api.client.get<{ webhooks: [{ clientConfig: { caBundle: string } }] }>(path));
  return (await Promise.all(found)).map(({ webhooks }) => webhooks[0].clientConfig.caBundle);
}

/** A new connection to each replica, with what is published: '' each. */
async function handshakes(): Promise<string[]> {
  const trust = Buffer.from((await publishedTrust())[0]!, 'base64').toString();
  const probe = ({ port }: WebhookService): Promise<string> =>
    probeSelf({ host: 'localhost', port, serverName: 'localhost', path: PROBE_PATH, trust });
  return Promise.all(replicas.map(probe));
}

test('two replicas that start at once issue one authority, publish it, and both serve it', async () => {
  expect(writes.filter((write) => write.includes('secrets') && write.endsWith(' ok'))).toEqual([
    `POST ${SECRET.slice(0, SECRET.lastIndexOf('/'))} ok`,
  ]);
  const { 'ca.crt': authorities } = await secret();
  expect(
    Buffer.from(authorities!, 'base64')
      .toString()
      .match(/BEGIN CERTIFICATE/g),
  ).toHaveLength(1);
  expect(await publishedTrust()).toEqual([authorities, authorities]);
  expect(await handshakes()).toEqual(['', '']);
});

test('W18, W20: they rotate under 20 creates a second without one failure', async () => {
  const failures: string[] = [];
  const leaves = new Set<string>();
  const authorities = new Set<string>();
  const load = async (): Promise<void> => {
    const results = [await create(), ...(await handshakes())];
    failures.push(...results.filter((text) => text !== 'created' && text !== ''));
  };
  const rounds: Promise<void>[] = [];
  for (let round = 0; round < 55 * 20; round++) {
    rounds.push(load());
    if (round % 20 === 0) {
      const data = await secret();
      leaves.add(data['tls.crt']!);
      authorities.add(data['ca.key']!);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await Promise.all(rounds);
  expect(failures).toEqual([]);
  expect(leaves.size).toBeGreaterThanOrEqual(4);
  expect(authorities.size).toBeGreaterThanOrEqual(2);
}, 150_000);

test('W23: replicas are replaced one after the other under load: not one request fails', async () => {
  const failures: string[] = [];
  const load = { on: true };
  const clients = Array.from({ length: 4 }, async () => {
    while (load.on) {
      const text = await create();
      if (text !== 'created') failures.push(text);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  for (let turn = 0; turn < 6; turn++) {
    const [next] = await startReplicas(1);
    const old = replicas.shift()!;
    replicas.push(next!);
    // As a Service does: no new connection goes to the one that ends, those that are there stay.
    balancer.backends = replicas.map((replica) => replica.port);
    old.drain();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await old.stop();
  }
  load.on = false;
  await Promise.all(clients);
  expect(failures).toEqual([]);
}, 60_000);

test.each<[string, () => Promise<unknown>]>([
  ['deleted', () => Promise.all(CONFIGURATIONS.map((path) => api.client.delete(path)))],
  ['emptied', () => Promise.all(CONFIGURATIONS.map((path) => api.client.patch(path, { type: 'merge', body: { webhooks: [] } })))],
])(
  'configurations that were %s are put back',
  async (_, spoil) => {
    await spoil();
    await eventually(
      async () => (await published(api)) && (await publishedTrust().catch(() => [])),
      (trust) => Array.isArray(trust) && trust.length === 2,
      10_000,
    );
    await eventually(create, (text) => text === 'created');
  },
  30_000,
);

test('nothing is written between rotations', async () => {
  await Promise.all(replicas.map((replica) => replica.stop()));
  await api.client.delete(SECRET);
  balancer.backends = [];
  const before = writes.length;
  const start = Date.now();
  await startBoth();
  const trust = await eventually(secret, (data) => data['ca.crt'] !== undefined);
  await eventually(publishedTrust, (texts) => texts.every((text) => text === trust['ca.crt']));
  const after = await settledWrites();
  // A certificate of 16 s is renewed after two thirds of it.
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, start + 9000 - Date.now())));
  expect(writes.slice(after)).toEqual([]);
  expect(after - before).toBeGreaterThan(0);
}, 60_000);
