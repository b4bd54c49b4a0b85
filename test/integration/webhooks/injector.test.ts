import fc from 'fast-check';
import type { Pod } from '../../../api/pod.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { attachment } from '../../build/attachment.ts';
import { type InjectorAttachment, injectorMutation } from '../../build/network-resources-injector.ts';
import { container, vmPod } from '../../build/pod.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { applyMultusKind } from '../multus-kind.ts';
import { anyChange, applyChange, CHANGE, type Change, essence, names } from './changes.ts';
import { type OtherWebhook, startOtherWebhook, TURN } from './other-webhook.ts';
import { eventually, makeNamespace, makeNode, published, startWebhook } from './rig.ts';

// A fake of network-resources-injector, by its documented behaviour, as a real mutating webhook beside ours and beside one that adds sidecars.
const NAMESPACE = 'free';
const NETWORKS = 'k8s.v1.cni.cncf.io/networks';
const INJECTOR = 'test.example/injector';
const RUNS = process.env['PODVISOR_SOAK'] === '1' ? 200 : 20;
const pods = pathOf(KINDS.pods, { namespace: NAMESPACE });

const ATTACHMENTS: Readonly<Record<string, InjectorAttachment>> = {
  'free/fast': { resource: 'example.com/fast' },
  'free/wide': { resource: 'example.com/wide', nodeSelector: ['example.com/rack', 'r1'] },
  'free/lan': {},
};
/** By name: `podvisor` comes between them. Never called again, as the real one registers itself. */
const INJECTORS = ['n-default', 'n-honor', 'z-default', 'z-honor'] as const;

let api: ApiServer;
let service: WebhookService;
let others: OtherWebhook[] = [];
let counter = 0;
const metrics = createMetrics('webhook');

beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: [] });
  for (const name of ['podvisor-system', NAMESPACE]) await makeNamespace(api, name, 'privileged');
  await makeNode(api, 'node1', { 'podvisor.dev/tcg': '10' });
  await applyMultusKind(api);
  for (const [key, { resource, nodeSelector }] of Object.entries(ATTACHMENTS)) {
    const annotations = {
      ...(resource === undefined ? {} : { 'k8s.v1.cni.cncf.io/resourceName': resource }),
      ...(nodeSelector === undefined ? {} : { 'k8s.v1.cni.cncf.io/nodeSelector': nodeSelector.join('=') }),
    };
    const type = resource === undefined ? 'bridge' : 'sriov';
    const name = key.replace(/.*\//, '');
    await api.client.create(
      pathOf(KINDS.networkAttachments, { namespace: NAMESPACE }),
      attachment(name, { type }, annotations, NAMESPACE),
    );
  }
  for (const name of INJECTORS) {
    const inject = injectorMutation(ATTACHMENTS, name.endsWith('honor'));
    const options = { label: INJECTOR, reinvocationPolicy: 'Never' } as const;
    others.push(await startOtherWebhook(api, name, (pod) => inject(pod, NAMESPACE), options));
  }
  others.push(await startOtherWebhook(api, 'a-first', applyChange), await startOtherWebhook(api, 'zz-last', applyChange));
  service = await startWebhook(api, { metrics });
  await eventually(() => published(api), Boolean);
  const warm = async (injector: string, turn: string): Promise<boolean> => {
    const pod = await store(vmPod({ name: 'warm-up', annotations: { [NETWORKS]: 'fast' } }), { injector, turn, change: WARM });
    if (typeof pod === 'string') return false;
    return pod.metadata.annotations?.['warm'] === 'yes' && limits(pod)['guest']?.['example.com/fast'] === '1';
  };
  for (const injector of INJECTORS) for (const turn of TURNS) await eventually(() => warm(injector, turn), Boolean);
  // Only this one leaves a trace that shows that the API server calls it.
  await eventually(() => doubledPod('z-honor', 'warm-up'), (answer) => answer.warnings.includes('honor-resources')); // prettier-ignore
}, 120_000);

afterAll(async () => {
  await service.stop();
  await Promise.all(others.map((other) => other.stop()));
  others = [];
  await api.close();
}, 30_000);

const TURNS = ['a-first', 'zz-last'] as const;
const WARM: Change = { sidecars: [], init: false, prepend: false, volumes: [], cpuRequest: false, annotations: { warm: 'yes' } };

interface Order {
  readonly injector: string;
  readonly turn: string;
  readonly change: Change;
}

/** The pod as stored after all webhooks, or the refusal. */
async function store(pod: Pod, { injector, turn, change }: Order): Promise<Pod | string> {
  const labels = { ...pod.metadata.labels, [TURN]: turn, [INJECTOR]: injector };
  const annotations = { 'podvisor.dev/container': 'guest', ...pod.metadata.annotations, [CHANGE]: JSON.stringify(change) };
  const metadata = { ...pod.metadata, namespace: NAMESPACE, labels, annotations };
  return api.client
    .create<Pod>(pods, { ...pod, metadata }, { dryRun: 'All' })
    .catch((error: unknown) => (error as Error).message);
}

/** Device resources in limits by container; requests must say the same. */
function limits(pod: Pod): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const devices = (list: object = {}): Record<string, string> =>
    Object.fromEntries(Object.entries(list).filter(([name]) => name.startsWith('example.com/')));
  return Object.fromEntries(
    pod.spec.containers.map(({ name, resources }) => {
      expect(devices(resources?.requests)).toEqual(devices(resources?.limits));
      return [name, devices(resources?.limits)];
    }),
  );
}

/** Without the volume that the injector leaves behind where it was first. */
function withoutTrace(pod: Pod): Pod {
  const foreign = ({ name }: { readonly name: string }): boolean => name !== 'podnetinfo';
  const containers = pod.spec.containers.map((one) => ({ ...one, volumeMounts: (one.volumeMounts ?? []).filter(foreign) }));
  return { ...pod, spec: { ...pod.spec, containers, volumes: (pod.spec.volumes ?? []).filter(foreign) } };
}

const anyNetworks = fc.array(fc.constantFrom('fast', 'wide', 'lan'), { minLength: 1, maxLength: 4 });
const anyVm = fc
  .record({ networks: anyNetworks, json: fc.boolean(), sidecars: names('own'), requested: fc.boolean() })
  .map(({ networks, json, sidecars, requested }) => {
    const needed = count(networks);
    const pod = vmPod({
      name: `vm${(counter += 1)}`,
      annotations: { [NETWORKS]: json ? JSON.stringify(networks.map((name) => ({ name }))) : networks.join(', ') },
      guest: { resources: { limits: { cpu: '1', memory: '128Mi', ...(requested ? needed : {}) } } },
      sidecars: sidecars.map((name) => container({ name })),
    });
    return { pod, needed, racked: networks.includes('wide') };
  });

function count(networks: readonly string[]): Record<string, string> {
  const needed: Record<string, string> = {};
  for (const name of networks.filter((one) => one !== 'lan')) {
    needed[`example.com/${name}`] = String(Number(needed[`example.com/${name}`] ?? 0) + 1);
  }
  return needed;
}

const ORDERS = INJECTORS.flatMap((injector) => TURNS.map((turn) => ({ injector, turn })));

test('W13: beside network-resources-injector, in both of its modes and all orders: the same pod, each device once, all on the guest', async () => {
  await fc.assert(
    fc.asyncProperty(anyVm, anyChange, async ({ pod, needed, racked }, change) => {
      const stored = await Promise.all(ORDERS.map((order) => store(pod, { ...order, change })));
      for (const one of stored) {
        if (typeof one === 'string') throw new Error(one);
        const { guest, ...rest } = limits(one);
        expect(guest).toEqual(needed);
        for (const devices of Object.values(rest)) expect(devices).toEqual({});
        expect(one.spec['nodeSelector'] ?? {}).toEqual(racked ? { 'example.com/rack': 'r1' } : {});
        expect(essence(withoutTrace(one))).toEqual(essence(withoutTrace(stored[0] as Pod)));
      }
    }),
    { numRuns: RUNS },
  );
}, 600_000);

test('W10, W13: what was stored beside it, sent again, is stored as it is', async () => {
  await fc.assert(
    fc.asyncProperty(anyVm, anyChange, fc.constantFrom(...ORDERS), async ({ pod }, change, order) => {
      const once = (await store(pod, { ...order, change })) as Pod;
      const { name, labels, annotations } = once.metadata;
      const again = await store(
        { ...once, metadata: { name: name!, labels: labels!, annotations: annotations! } },
        { ...order, change },
      );
      if (typeof again === 'string') throw new Error(again);
      expect(essence(withoutTrace(again))).toEqual(essence(withoutTrace(once)));
    }),
    { numRuns: RUNS },
  );
}, 600_000);

/** A pod on which honor-resources doubles when it comes after us; with a dry run it is not counted. */
function doubledPod(injector: string, name: string, query = '?dryRun=All') {
  return api.raw(
    `${pods}${query}`,
    vmPod({ name, namespace: NAMESPACE, labels: { [INJECTOR]: injector }, annotations: { [NETWORKS]: 'fast,fast' } }),
  );
}

const seen = async (mode: string): Promise<number> => {
  const text = await metrics.registry.metrics();
  return Number(new RegExp(`^podvisor_admission_injector_total\\{mode="${mode}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
};

test('its honor-resources mode is seen: a warning to the user and a metric, of one pod once; its default mode after us leaves nothing', async () => {
  const before = [await seen('honor-resources'), await seen('unknown')];
  const doubled = await doubledPod('z-honor', 'doubled', '');
  expect(doubled.warnings).toContain(
    'requested example.com/fast a second time (network-resources-injector with honor-resources)',
  );
  expect(limits(doubled.body as unknown as Pod)['guest']).toEqual({ 'example.com/fast': '2' });
  expect([await seen('honor-resources'), await seen('unknown')]).toEqual([before[0]! + 1, before[1]]);

  const quiet = await doubledPod('z-default', 'quiet', '');
  expect(quiet.warnings).not.toContain('honor-resources');
  expect([await seen('honor-resources'), await seen('unknown')]).toEqual([before[0]! + 1, before[1]]);

  // Before us it requests what nobody has requested yet, in either mode.
  const early = await doubledPod('n-honor', 'early', '');
  expect(early.warnings).not.toContain('honor-resources');
  expect(await seen('unknown')).toBeGreaterThan(before[1]!);
  expect(await seen('honor-resources')).toBe(before[0]! + 1);
});
