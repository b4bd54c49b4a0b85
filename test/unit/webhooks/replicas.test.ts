import { createCertGauges } from '../../../certs/gauges.ts';
import { createCertStore } from '../../../certs/store.ts';
import type { CertStore } from '../../../certs/store.ts';
import { fromSecretData, trustText } from '../../../certs/bundle.ts';
import type { KubeClient } from '../../../kube/client.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { createPublisher } from '../../../webhooks/publish/publisher.ts';
import type { Keeper } from '../../../webhooks/publish/keeper.ts';
import { cryptoIdle } from '../../build/crypto-idle.ts';
import { createFakeClock } from '../../build/fake-clock.ts';
import type { FakeClock } from '../../build/fake-clock.ts';
import { createFakeKube } from '../../build/fake-kube.ts';
import type { FakeKube } from '../../build/fake-kube.ts';

const SECRET = '/api/v1/namespaces/podvisor-system/secrets/podvisor-webhook-tls';
const KINDS = ['mutating', 'validating'].map(
  (kind) => `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations/podvisor`,
);
const MINUTE = 60_000;
const LIFETIMES = { authorityMs: 720 * MINUTE, leafMs: 60 * MINUTE, settleMs: MINUTE, backdateMs: 5 * MINUTE };

let kube: FakeKube;
let clock: FakeClock;
const running: (CertStore | Keeper)[] = [];

// Loaded on first use, from disk: that too would happen while the fake clock runs.
beforeAll(async () => {
  await import('reflect-metadata');
  await import('@peculiar/x509');
});
beforeEach(() => {
  kube = createFakeKube();
  clock = createFakeClock();
});
afterEach(() => Promise.all(running.splice(0).map((part) => part.stop())));

/** Certificates and publication of one replica. `random` is 0..1: its place among the others. */
function replica(random: number, client: KubeClient = kube.client): CertStore {
  const common = { client, clock, random: () => random, log: silentLog };
  const store = createCertStore({
    ...common,
    namespace: 'podvisor-system',
    secretName: 'podvisor-webhook-tls',
    dnsNames: ['podvisor-webhook.podvisor-system.svc'],
    lifetimes: LIFETIMES,
    gauges: createCertGauges(createMetrics('test'), clock, 'webhook'),
  });
  const publisher = createPublisher({
    ...common,
    target: { url: 'https://localhost:1' },
    trust: () => store.trust(),
    readTrust: () => store.readTrust(),
    withPublished: (trust, published) => store.withPublished(trust, published),
    probe: () => Promise.resolve(''),
    restorations: { report: () => undefined },
  });
  store.onChange(() => publisher.poke());
  running.push(publisher, store);
  store.start();
  publisher.start();
  return store;
}

/** Keys are made on other threads, which the fake clock does not wait for; so time passes in steps, and none while a key is made. */
async function until(condition: () => boolean, stepMs = 100): Promise<void> {
  for (let step = 0; step < 500 && !condition(); step++) {
    await clock.advance(stepMs);
    await cryptoIdle();
  }
  expect(condition()).toBe(true);
}

const secretTrust = (): string => trustText(fromSecretData(kube.peek(SECRET)?.['data'] as Record<string, string> | undefined));
function publishedTrust(): (string | undefined)[] {
  return KINDS.map((path) => {
    const webhooks = kube.peek(path)?.['webhooks'] as { clientConfig: { caBundle: string } }[] | undefined;
    return webhooks?.[0] && Buffer.from(webhooks[0].clientConfig.caBundle, 'base64').toString();
  });
}
const isPublished = (): boolean => publishedTrust().every((trust) => trust !== undefined && trust === secretTrust());
const writes = (): string[] =>
  kube.requests.filter(({ method }) => !['GET', 'WATCH'].includes(method)).map(({ method, path }) => `${method} ${path}`);
const authorities = (): number => secretTrust().split('BEGIN CERTIFICATE').length - 1;

test.each<[string, number, number]>([
  ['one after the other', 0, 0.9],
  ['at the same moment', 0.5, 0.5],
])('replicas that start with nothing, %s: one authority, the same for all', async (_, first, second) => {
  const stores = [replica(first), replica(second)];
  await until(() => isPublished() && stores.every((store) => store.trust() === secretTrust()));
  expect(authorities()).toBe(1);
  expect(stores[0]!.current()).toEqual(stores[1]!.current());
});

test('nothing is written while nothing is due', async () => {
  // One after the other: of two that start together the slower one may still be making keys, for a create that is refused.
  const first = replica(0.2);
  await until(() => isPublished() && first.current() !== undefined);
  const second = replica(0.7);
  await until(() => second.current() !== undefined);
  const before = writes();
  await clock.advance(30 * MINUTE);
  expect(writes()).toEqual(before);
});

test('a renewal is done once, by the replica that is first in its window', async () => {
  const stores = [replica(0.1), replica(0.9)];
  await until(() => isPublished() && stores.every((store) => store.current() !== undefined));
  const leaf = stores[0]!.current()!.certPem;
  const before = writes().length;
  await until(() => stores.every((store) => store.current()!.certPem !== leaf), MINUTE / 2);
  expect(stores[0]!.current()).toEqual(stores[1]!.current());
  expect(writes().slice(before)).toEqual([`PUT ${SECRET}`]);
});

test('a Secret that vanished is written by those who remember, not by a replica that just started', async () => {
  const veteran = replica(0.9);
  await until(isPublished);
  const served = veteran.current();
  const trust = secretTrust();
  kube.remove(SECRET);
  const novice = replica(0);
  await until(() => kube.peek(SECRET) !== undefined && isPublished() && novice.current() !== undefined);
  expect(secretTrust()).toContain(trust);
  expect([veteran.current(), novice.current()]).toEqual([served, served]);
});

/** A replica whose watches have gone quiet: it knows what it listed and nothing since. */
function blind(client: KubeClient, path: string): KubeClient {
  return {
    ...client,
    stream: async function* (of, query, signal) {
      if (of.includes(path)) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      else yield* client.stream(of, query, signal);
    },
  };
}

test('a replica that has not heard of a new authority never publishes the old bundle', async () => {
  const seer = replica(0);
  await until(isPublished);
  const late = replica(1, blind(kube.client, 'secrets'));
  await until(() => late.trust() === secretTrust());
  kube.remove(SECRET);
  await until(() => authorities() === 2 && seer.trust() === secretTrust() && isPublished());
  const before = writes().length;
  // It reads the Secret because what is published is not what it knows.
  await until(() => late.trust() === secretTrust());
  expect(writes().slice(before)).toEqual([]);
  for (const path of KINDS) kube.remove(path);
  await until(isPublished);
  expect(authorities()).toBe(2);
});

test('a replica that decides on an old Secret is refused, and takes over the new one', async () => {
  const late = replica(0, blind(kube.client, 'secrets'));
  await until(isPublished);
  const seer = replica(1);
  await until(() => seer.trust() === secretTrust());
  // The one that sees everything renews first, because nobody else hears of the loss.
  kube.remove(SECRET);
  await until(() => authorities() === 2 && seer.trust() === secretTrust());
  const newest = kube.peek(SECRET)!['data'];
  await until(() => late.trust() === secretTrust() && isPublished());
  expect(kube.peek(SECRET)!['data']).toEqual(newest);
});

test('a tool that keeps undoing the configuration is answered, but not in a storm', async () => {
  replica(0);
  await until(isPublished);
  const path = KINDS[0]!;
  const corrections = (): number => writes().filter((line) => line === `PUT ${path}`).length;
  for (let round = 0; round < 100; round++) {
    const now = kube.peek(path)!;
    kube.put({ ...now, webhooks: [] } as never, 'mutatingwebhookconfigurations');
    await clock.advance(100);
  }
  expect(corrections()).toBeGreaterThanOrEqual(20);
  expect(corrections()).toBeLessThanOrEqual(22);
  await clock.advance(60_000);
  expect(isPublished()).toBe(true);
});
