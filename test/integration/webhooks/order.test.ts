import fc from 'fast-check';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { Pod } from '../../../api/pod.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { container, plainPod, vmPod } from '../../build/pod.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { anyChange, applyChange, CHANGE, type Change, essence, names } from './changes.ts';
import { startOtherWebhook, TURN } from './other-webhook.ts';
import type { OtherWebhook } from './other-webhook.ts';
import { eventually, makeNamespace, makeNode, published, startWebhook } from './rig.ts';
import { webhookCalls } from './server-metrics.ts';

const NAMESPACE = 'free';
const pods = pathOf(KINDS.pods, { namespace: NAMESPACE });
const RUNS = process.env['PODVISOR_SOAK'] === '1' ? 500 : 25;
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
