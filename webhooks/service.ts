import { createExternalCertStore } from '../certs/external-store.ts';
import { createCertGauges } from '../certs/gauges.ts';
import { createCertStore } from '../certs/store.ts';
import type { CertStore } from '../certs/store.ts';
import type { CertLifetimes } from '../certs/next-cert-action.ts';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/events.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import { createReflector } from '../kube/reflector.ts';
import type { Reflector } from '../kube/reflector.ts';
import type { Clock } from '../runtime/clock.ts';
import { startHttps } from '../runtime/http.ts';
import type { RunningServer } from '../runtime/http.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Random } from '../runtime/random.ts';
import { clusterOffer, nodeOffer } from './accelerators.ts';
import type { NodeOffer } from './accelerators.ts';
import { PROBE_PATH, SECRET_NAME } from './names.ts';
import { type AttachmentStore, createAttachmentStore } from './networks/attachment-store.ts';
import { type CountViolations, createPolicyMetrics } from './policy/metrics.ts';
import { createPolicyStore, type PolicyStore } from './policy/store.ts';
import type { Target } from './publish/configurations.ts';
import { POLICIES } from './publish/gen/policies.ts';
import { createPublisher } from './publish/publisher.ts';
import type { Keeper } from './publish/keeper.ts';
import { createRestorations } from './publish/restorations.ts';
import type { Restorations } from './publish/restorations.ts';
import { createRestorer } from './publish/restorer.ts';
import { probeSelf } from './publish/self-probe.ts';
import { createAdmissionApp } from './server/app.ts';
import type { Policing } from './server/app.ts';
import { createAdmissionMetrics } from './server/metrics.ts';

/** What the webhook service needs: everything that tells a test from the real thing. */
export interface WebhookServiceOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly launcherImage: string;
  /** Where Multus looks for default networks without a namespace; left out = its own default. */
  readonly multusNamespace?: string;
  readonly namespace: string;
  /** Name of this replica's pod, for Events. */
  readonly podName: string;
  /** Names the certificate is for; the first is what the API server calls us. */
  readonly dnsNames: readonly string[];
  readonly lifetimes: CertLifetimes;
  /** `own`: we issue and renew; `external`: somebody else writes the Secret. */
  readonly certificates: 'own' | 'external';
  /** PEM of the authorities that callers' certificates must come from; undefined = anybody may call. */
  readonly clientCa: (() => string) | undefined;
  /** Common names that callers may have; empty = any. */
  readonly clientNames: readonly string[];
  readonly port: number;
  /** Where the API server reaches us, by the port we listen on (tests ask for any free one). */
  readonly target: (port: number) => Target;
}

/** A running webhook service. */
export interface WebhookService {
  readonly port: number;
  /** '' = can answer admission requests, else why not. */
  ready(): string;
  /** Goes on answering, and sends API servers to other replicas. */
  drain(): void;
  stop(): Promise<void>;
}

/** Admission server, certificates and publication, the same in every replica; started in this order and stopped in the reverse one. */
export async function startWebhookService(options: WebhookServiceOptions): Promise<WebhookService> {
  const nodes = createReflector<NodeOffer>({ ...options, path: pathOf(KINDS.nodes), keep: nodeOffer });
  const attachments = createAttachmentStore(options);
  const policies = createPolicyStore(options);
  const certificates = certStore(options);
  const server = await startHttps({
    handler: admissionApp({ nodes, attachments, policies }, options),
    port: options.port,
    certificate: certificates,
    ...(options.clientCa === undefined ? {} : { clientCa: options.clientCa, anonymous: true }),
    log: options.log,
  });
  const events = createEventRecorder({ ...options, component: 'podvisor-webhook', host: options.podName });
  const restorations = createRestorations(options.metrics, events);
  const publisher = createServicePublisher(certificates, options.target(server.port), { ...options, restorations });
  const restorer = createRestorer({ ...options, objects: POLICIES, restorations });
  certificates.onChange(() => publisher.poke());
  for (const part of [nodes, attachments, policies, certificates, publisher, restorer]) part.start();
  return {
    port: server.port,
    ready: () => readiness(nodes, certificates) || policies.ready(),
    drain: () => server.drain(),
    stop: () => stopAll(server, [restorer, publisher, certificates, policies, attachments, nodes]),
  };
}

function certStore(options: WebhookServiceOptions): CertStore {
  const gauges = createCertGauges(options.metrics, options.clock, 'webhook');
  const create = options.certificates === 'own' ? createCertStore : createExternalCertStore;
  return create({ ...options, secretName: SECRET_NAME, gauges });
}

async function stopAll(server: RunningServer, parts: readonly { stop(): Promise<void> }[]): Promise<void> {
  for (const part of parts) await part.stop();
  await server.close();
}

/** A replica that does not know the nodes yet would call every accelerator missing. */
function readiness(nodes: Reflector<NodeOffer>, certificates: CertStore): string {
  return certificates.problem() || (nodes.synced() ? '' : 'the nodes have not been listed yet');
}

function admissionApp(
  { nodes, attachments, policies }: { nodes: Reflector<NodeOffer>; attachments: AttachmentStore; policies: PolicyStore },
  { launcherImage, multusNamespace, log, metrics, clock, clientCa, clientNames }: WebhookServiceOptions,
): ReturnType<typeof createAdmissionApp> {
  return createAdmissionApp({
    launcherImage,
    log,
    clock,
    callers: clientCa === undefined ? 'anybody' : clientNames,
    ...(multusNamespace === undefined ? {} : { multusNamespace }),
    attachments: (keys) => attachments.gather(keys),
    accelerators: () => clusterOffer(nodes.list()),
    policies: policing(policies, createPolicyMetrics(metrics)),
    metrics: createAdmissionMetrics(metrics, () => clock.now()),
  });
}

function policing(store: PolicyStore, count: CountViolations): Policing {
  return {
    gather: (request) => store.gather(request),
    policies: () => store.policies(),
    decided: (request, { verdict, takes }) => {
      if (verdict !== undefined) count(verdict);
      if (takes !== undefined) store.admitted(request, takes);
    },
  };
}

function createServicePublisher(
  certificates: CertStore,
  target: Target,
  options: WebhookServiceOptions & { readonly restorations: Restorations },
): Keeper {
  return createPublisher({
    ...options,
    target,
    trust: () => certificates.trust(),
    readTrust: () => certificates.readTrust(),
    withPublished: (trust, published) => certificates.withPublished(trust, published),
    probe: async (trust) => probeTarget(target, trust, options),
  });
}

async function probeTarget(target: Target, trust: string, { client, dnsNames }: WebhookServiceOptions): Promise<string> {
  const [serverName = ''] = dnsNames;
  if ('url' in target) {
    const { hostname, port } = new URL(target.url);
    return probeSelf({ host: hostname, port: Number(port), serverName: hostname, path: PROBE_PATH, trust });
  }
  const { namespace, name, port } = target.service;
  // By address, not by name: cluster DNS may be down or not there, and the API server does not use it either.
  const service = await client.get<{ spec: { clusterIP?: string } }>(pathOf(KINDS.services, { namespace, name }));
  return probeSelf({ host: service.spec.clusterIP ?? '', port, serverName, path: PROBE_PATH, trust });
}
