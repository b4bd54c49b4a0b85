import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { ResourceKind } from '../../../kube/paths.ts';
import type { KubeClient } from '../../../kube/client.ts';
import { DEFAULT_LIFETIMES } from '../../../certs/next-cert-action.ts';
import { realClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { startWebhookService } from '../../../webhooks/service.ts';
import type { WebhookService, WebhookServiceOptions } from '../../../webhooks/service.ts';
import { container, plainPod, vmPod } from '../../build/pod.ts';
import { startApiServer, type ApiServer } from '../api-server.ts';
import { startBalancer, type Balancer } from './balancer.ts';

export const SERVICE_ACCOUNTS: ResourceKind = { group: '', version: 'v1', plural: 'serviceaccounts' };

/** Asks until the answer is right; throws after `ms` with the last one. */
export async function eventually<T>(ask: () => Promise<T> | T, right: (value: T) => boolean, ms = 20_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await ask();
    if (right(value)) return value;
    if (Date.now() > deadline) throw new Error(`not in ${ms} ms; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A namespace that enforces Pod Security restricted unless told otherwise, with its default ServiceAccount (no controller makes it). */
export async function makeNamespace(api: ApiServer, name: string, level = 'restricted'): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': level };
  await api.client
    .create(pathOf(KINDS.namespaces), { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
    .catch(ignoreExisting);
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } };
  await api.client.create(pathOf(SERVICE_ACCOUNTS, { namespace: name }), account).catch(ignoreExisting);
}

export function ignoreExisting(error: unknown): void {
  if ((error as { reason?: string }).reason !== 'AlreadyExists') throw error;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** The objects of a file of manifests/base. */
export function manifest(file: string): readonly Manifest[] {
  const text = readFileSync(new URL(`../../../manifests/base/${file}`, import.meta.url), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** Applies the committed policies. */
export async function applyPolicies(api: ApiServer): Promise<void> {
  for (const object of ['admission-policy.yaml', 'controllers-policy.yaml'].flatMap((file) => manifest(file))) {
    const kind = object.kind.endsWith('Binding') ? KINDS.admissionPolicyBindings : KINDS.admissionPolicies;
    await api.client.create(pathOf(kind), object).catch(ignoreExisting);
  }
}

const rbac = (plural: string): ResourceKind => ({ group: 'rbac.authorization.k8s.io', version: 'v1', plural });
const RBAC_KINDS: Readonly<Record<string, ResourceKind>> = {
  ServiceAccount: SERVICE_ACCOUNTS,
  Role: rbac('roles'),
  RoleBinding: rbac('rolebindings'),
  ClusterRole: rbac('clusterroles'),
  ClusterRoleBinding: rbac('clusterrolebindings'),
};

/** A client with the permissions that manifests/base gives a process of ours, and no others. */
export async function clientOf(
  api: ApiServer,
  file: string,
  account: string,
  namespace = 'podvisor-system',
): Promise<KubeClient> {
  for (const object of manifest(file)) {
    const { namespace: own } = object.metadata;
    await api.client
      .create(pathOf(RBAC_KINDS[object.kind]!, own === undefined ? {} : { namespace: own }), object)
      .catch(ignoreExisting);
  }
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [], expirationSeconds: 3600 } };
  const path = pathOf(SERVICE_ACCOUNTS, { namespace, name: account, subresource: 'token' });
  return api.as((await api.client.create<{ status: { token: string } }>(path, body)).status.token);
}

/** The API server takes about a second to see new policies; resolves once all of them are in force. */
export async function policiesInForce(api: ApiServer, namespace: string): Promise<void> {
  const pods = `${pathOf(KINDS.pods, { namespace })}?dryRun=All`;
  const refused = async (pod: object): Promise<boolean> =>
    JSON.stringify((await api.raw(pods, pod)).body).includes('ValidatingAdmissionPolicy');
  await eventually(
    () =>
      refused(
        plainPod({ name: 'probe', namespace, containers: [container({ resources: { limits: { 'podvisor.dev/kvm': '1' } } })] }),
      ),
    Boolean,
  );
  await eventually(() => refused(vmPod({ name: 'probe', namespace })), Boolean);
}

/** A node that offers VM slots. */
export async function makeNode(api: ApiServer, name: string, slots: Record<string, string>): Promise<void> {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name } };
  await api.client.create(pathOf(KINDS.nodes), node).catch(ignoreExisting);
  const status = { status: { capacity: slots, allocatable: slots } };
  await api.client.patch(pathOf(KINDS.nodes, { name }), { type: 'merge', body: status, subresource: 'status' });
}

/** The real webhook service on a free port, found by the API server by URL. */
export async function startWebhook(
  api: ApiServer,
  { waitReady = true, ...change }: Partial<WebhookServiceOptions> & { readonly waitReady?: boolean } = {},
): Promise<WebhookService> {
  const service = await startWebhookService({
    client: api.client,
    clock: realClock,
    random: Math.random,
    log: silentLog,
    metrics: createMetrics('webhook'),
    launcherImage: 'localhost/podvisor/launcher:dev',
    namespace: 'podvisor-system',
    podName: 'podvisor-webhook-0',
    dnsNames: ['localhost', 'podvisor-webhook.podvisor-system.svc'],
    lifetimes: DEFAULT_LIFETIMES,
    certificates: 'own',
    clientCa: undefined,
    clientNames: [],
    port: 0,
    target: (port) => ({ url: `https://localhost:${port}` }),
    ...change,
  });
  if (waitReady)
    await eventually(
      () => service.ready(),
      (reason) => reason === '',
    );
  return service;
}

/** Whether both configurations are there. */
export async function published(api: ApiServer): Promise<boolean> {
  const found = await Promise.all(
    [KINDS.mutatingWebhooks, KINDS.validatingWebhooks].map((kind) =>
      api.client.get(pathOf(kind, { name: 'podvisor' })).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

/** An API server, and what stands before the replicas of a test file. */
export interface Bench {
  readonly api: ApiServer;
  readonly balancer: Balancer;
  /** How the API server reaches the replicas. */
  readonly target: WebhookServiceOptions['target'];
  /** Ends these replicas and the rest. */
  stop(replicas: readonly WebhookService[]): Promise<void>;
}

/** An API server with a node that offers VM slots, our namespace and these, and a balancer without backends yet. */
export async function startBench(...namespaces: readonly string[]): Promise<Bench> {
  const api = await startApiServer({ withoutAdmission: [] });
  for (const name of ['podvisor-system', ...namespaces]) await makeNamespace(api, name, 'privileged');
  await makeNode(api, 'node1', { 'podvisor.dev/tcg': '500' });
  const balancer = await startBalancer();
  return {
    api,
    balancer,
    target: () => ({ url: `https://localhost:${balancer.port}` }),
    stop: async (replicas) => {
      await Promise.all(replicas.map((replica) => replica.stop()));
      await balancer.stop();
      await api.close();
    },
  };
}
