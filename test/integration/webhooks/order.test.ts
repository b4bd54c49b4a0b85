import fc from 'fast-check';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { Container, Pod, PodSpec } from '../../../api/pod.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { container, plainPod, vmPod } from '../../build/pod.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { startOtherWebhook, TURN } from './other-webhook.ts';
import type { OtherWebhook } from './other-webhook.ts';
import { eventually, makeNamespace, makeNode, published, startWebhook } from './rig.ts';
import { webhookCalls } from './server-metrics.ts';

const NAMESPACE = 'free';
const pods = pathOf(KINDS.pods, { namespace: NAMESPACE });
const RUNS = process.env['PODVISOR_SOAK'] === '1' ? 500 : 25;
/** What the other webhook is to do to the pod, as JSON, so that one registration serves all generated changes. */
const CHANGE = 'test.example/change';

interface Change {
  readonly sidecars: readonly string[];
  readonly init: boolean;
  readonly prepend: boolean;
  readonly volumes: readonly string[];
  readonly cpuRequest: boolean;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What sidecar injectors, mesh webhooks and resource defaulters do; idempotent, as all of them must be. */
function applyChange(pod: Pod): Pod {
  const change = JSON.parse(pod.metadata.annotations?.[CHANGE] ?? '{}') as Change;
  const has = (list: readonly { name: string }[] | undefined, name: string): boolean =>
    list?.some((one) => one.name === name) === true;
  const added = change.sidecars.filter((name) => !has(pod.spec.containers, name)).map((name) => sidecar(name, change));
  const own = pod.spec.containers.map((one) => (change.cpuRequest && one.name !== 'guest' ? withCpuRequest(one) : one));
  const volumes = change.volumes.filter((name) => !has(pod.spec.volumes, name)).map((name) => ({ name, emptyDir: {} }));
  const inits = change.init && !has(pod.spec.initContainers, 'mesh-init') ? [container({ name: 'mesh-init' })] : [];
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...change.annotations } },
    spec: {
      ...pod.spec,
      containers: change.prepend ? [...added, ...own] : [...own, ...added],
      ...(inits.length === 0 ? {} : { initContainers: [...(pod.spec.initContainers ?? []), ...inits] }),
      ...(volumes.length === 0 ? {} : { volumes: [...(pod.spec.volumes ?? []), ...volumes] }),
    },
  };
}

function sidecar(name: string, { volumes, cpuRequest }: Change): Container {
  const one = container({ name, volumeMounts: volumes.map((volume) => ({ name: volume, mountPath: `/${volume}` })) });
  return cpuRequest ? withCpuRequest(one) : one;
}

function withCpuRequest(one: Container): Container {
  const requests = { cpu: '10m', ...one.resources?.requests };
  return { ...one, resources: { ...one.resources, requests } };
}

const names = (prefix: string): fc.Arbitrary<string[]> =>
  fc.uniqueArray(
    fc.stringMatching(/^[a-z]{1,6}$/).map((name) => `${prefix}-${name}`),
    { maxLength: 2 },
  );
const anyChange: fc.Arbitrary<Change> = fc.record({
  sidecars: names('side'),
  init: fc.boolean(),
  prepend: fc.boolean(),
  volumes: names('vol'),
  cpuRequest: fc.boolean(),
  annotations: fc.dictionary(fc.stringMatching(/^mesh\.example\/[a-z]{1,8}$/), fc.string({ maxLength: 20 }), { maxKeys: 2 }),
});

let api: ApiServer;
let service: WebhookService;
let others: OtherWebhook[] = [];
let counter = 0;

beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: [] });
  for (const name of ['podvisor-system', NAMESPACE]) await makeNamespace(api, name, 'privileged');
  await makeNode(api, 'node1', { 'podvisor.dev/tcg': '10' });
  others = [
    await startOtherWebhook(api, 'a-first', applyChange),
    await startOtherWebhook(api, 'z-last', applyChange),
    await startOtherWebhook(api, 'z-never-again', applyChange, { reinvocationPolicy: 'Never' }),
  ];
  service = await startWebhook(api);
  await eventually(() => published(api), Boolean);
  const everyone = async (): Promise<boolean> =>
    (
      await Promise.all(['a-first', 'z-last', 'z-never-again'].map((turn) => store(vmPod({ name: 'warm-up' }), turn, NONE)))
    ).every((pod) => typeof pod !== 'string' && pod.metadata.annotations?.['warm'] === 'yes');
  await eventually(everyone, Boolean);
}, 120_000);

afterAll(async () => {
  await service.stop();
  await Promise.all(others.map((other) => other.stop()));
  await api.close();
}, 30_000);

const NONE: Change = { sidecars: [], init: false, prepend: false, volumes: [], cpuRequest: false, annotations: { warm: 'yes' } };

/** The pod as stored after `turn` and we have changed it, or the refusal. */
async function store(pod: Pod, turn: string, change: Change): Promise<Pod | string> {
  const metadata = {
    ...pod.metadata,
    namespace: NAMESPACE,
    labels: { ...pod.metadata.labels, [TURN]: turn },
    annotations: { 'podvisor.dev/container': 'guest', ...pod.metadata.annotations, [CHANGE]: JSON.stringify(change) },
  };
  return api.client
    .create<Pod>(pods, { ...pod, metadata }, { dryRun: 'All' })
    .catch((error: unknown) => (error as Error).message);
}

/** What has to be the same whoever was first: everything but the order in lists, and the names Kubernetes draws. */
function essence(pod: Pod | string): unknown {
  if (typeof pod === 'string') return pod;
  const token = /^kube-api-access-[a-z0-9]{5}$/;
  const text = JSON.stringify({ annotations: pod.metadata.annotations, spec: sorted(pod.spec) });
  return JSON.parse(text, (_, value: unknown) => (typeof value === 'string' && token.test(value) ? 'token' : value)) as unknown;
}

function sorted(spec: PodSpec): PodSpec {
  const byName = <T extends { readonly name: string }>(list: readonly T[] | undefined): T[] =>
    [...(list ?? [])].sort((a, b) => a.name.replace(/^kube-api.*/, '').localeCompare(b.name.replace(/^kube-api.*/, '')));
  const inner = (one: Container): Container => ({ ...one, volumeMounts: byName(one.volumeMounts) });
  return { ...spec, containers: byName(spec.containers).map(inner), volumes: byName(spec.volumes) };
}

const anyVm = fc
  .record({ memory: fc.integer({ min: 16, max: 4096 }), cpu: fc.integer({ min: 1, max: 8 }), sidecars: names('own') })
  .map(({ memory, cpu, sidecars }) =>
    vmPod({
      name: `vm${(counter += 1)}`,
      guest: { resources: { limits: { cpu: String(cpu), memory: `${memory}Mi` } } },
      sidecars: sidecars.map((name) => container({ name })),
    }),
  );

test('W12, W13: another mutating webhook before or after us, called again or not: the same pod, with nothing twice', async () => {
  await fc.assert(
    fc.asyncProperty(anyVm, anyChange, async (pod, change) => {
      const [first, last, never] = await Promise.all(
        ['a-first', 'z-last', 'z-never-again'].map((turn) => store(pod, turn, change)),
      );
      expect(essence(first!)).toMatchObject({ spec: { schedulerName: 'podvisor-scheduler' } });
      expect(essence(last!)).toEqual(essence(first!));
      expect(essence(never!)).toEqual(essence(first!));
      const all = (first as Pod).spec.containers.map(({ name }) => name);
      expect(all.toSorted()).toEqual(
        [...new Set([...pod.spec.containers.map(({ name }) => name), ...change.sidecars])].toSorted(),
      );
    }),
    { numRuns: RUNS },
  );
}, 600_000);

test('W10, W13: what was stored, sent again, is stored as it is', async () => {
  await fc.assert(
    fc.asyncProperty(anyVm, anyChange, fc.constantFrom('a-first', 'z-last'), async (pod, change, turn) => {
      const once = (await store(pod, turn, change)) as Pod;
      const { name, labels, annotations } = once.metadata;
      const again = await store({ ...once, metadata: { name: name!, labels: labels!, annotations: annotations! } }, turn, change);
      expect(essence(again)).toEqual(essence(once));
    }),
    { numRuns: RUNS },
  );
}, 600_000);

const anyPlain = fc
  .record({
    labels: fc.dictionary(fc.stringMatching(/^(podvisor\.dev\/)?[a-z]{1,8}$/), fc.constantFrom('true', '', 'x'), { maxKeys: 3 }),
    annotations: fc.dictionary(
      fc.constantFrom('podvisor.dev/vm', 'podvisor.dev/guest', 'podvisor.dev/boot', 'other'),
      fc.string({ maxLength: 9 }),
      {
        maxKeys: 3,
      },
    ),
    sidecars: names('s'),
    launcher: fc.boolean(),
    scheduler: fc.constantFrom('default-scheduler', 'podvisor-scheduler'),
  })
  .filter(({ labels }) => !('podvisor.dev/vm' in labels))
  .map(({ labels, annotations, sidecars, launcher, scheduler }) =>
    plainPod({
      name: `plain${(counter += 1)}`,
      labels,
      annotations,
      containers: [
        container({ ...(launcher ? { command: ['/usr/bin/podvisor-launch'] } : {}) }),
        ...sidecars.map((name) => container({ name })),
      ],
      spec: { schedulerName: scheduler },
    }),
  );

test('W2: for any pod without our label the API server never calls us, whatever else of ours it carries', async () => {
  const before = await webhookCalls(api);
  await fc.assert(
    fc.asyncProperty(anyPlain, async (pod) => {
      const metadata = { ...pod.metadata, namespace: NAMESPACE };
      const path = pathOf(KINDS.pods, { namespace: NAMESPACE, name: pod.metadata.name! });
      const stored = await api.client.create<Pod>(pods, { ...pod, metadata });
      expect(stored.metadata.annotations ?? {}).toEqual(pod.metadata.annotations ?? {});
      await api.client.patch(path, { type: 'merge', body: { metadata: { labels: { team: 'a' } } } });
      await api.client.delete(path, { gracePeriodSeconds: 0 });
    }),
    { numRuns: RUNS * 2 },
  );
  expect(await webhookCalls(api)).toBe(before);
}, 600_000);
