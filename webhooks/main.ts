import { readFileSync } from 'node:fs';
import { DEFAULT_LIFETIMES } from '../certs/next-cert-action.ts';
import { createKubeClient } from '../kube/http-client.ts';
import { connect } from '../kube/connection.ts';
import { realClock } from '../runtime/clock.ts';
import { loadOptions } from '../runtime/config.ts';
import { startHealthServer } from '../runtime/http.ts';
import { createLog } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { realRandom } from '../runtime/random.ts';
import { createShutdown, runUntilSignal } from '../runtime/shutdown.ts';
import { WEBHOOK_OPTIONS } from './options.ts';
import { startWebhookService } from './service.ts';

const options = loadOptions(WEBHOOK_OPTIONS);
const { namespace, serviceName, servicePort, clientCa } = options;
const log = createLog('webhook', options.logLevel);
const metrics = createMetrics('webhook');
const shutdown = createShutdown({ clock: realClock, log, drainMs: options.drain, deadlineMs: 10_000 });
const client = createKubeClient(await connect(options.kubeconfig, realClock));

const service = await startWebhookService({
  client,
  clock: realClock,
  random: realRandom,
  log,
  metrics,
  launcherImage: options.launcherImage,
  multusNamespace: options.multusNamespace,
  namespace,
  podName: options.podName,
  dnsNames: [`${serviceName}.${namespace}.svc`, `${serviceName}.${namespace}.svc.cluster.local`],
  lifetimes: {
    ...DEFAULT_LIFETIMES,
    authorityMs: options.authorityLifetime,
    leafMs: options.certificateLifetime,
    settleMs: options.authoritySettle,
  },
  certificates: options.certificates,
  clientCa: clientCa === '' ? undefined : () => readFileSync(clientCa, 'utf8'),
  clientNames: options.clientNames.split(',').filter((name) => name !== ''),
  port: options.port,
  target: () => ({ service: { namespace, name: serviceName, port: servicePort } }),
});
shutdown.signal.addEventListener('abort', () => service.drain());
shutdown.onClose('webhook service', () => service.stop());

const health = await startHealthServer({ port: options.healthPort, metrics, ready: () => shutdown.reason() || service.ready() });
shutdown.onClose('health server', () => health.close());
log.info({ port: service.port, healthPort: health.port }, 'started');
await runUntilSignal(shutdown, log);
