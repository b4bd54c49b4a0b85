import { hostname } from 'node:os';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/events.ts';
import type { CertificateSource } from '../runtime/certificate.ts';
import type { Clock } from '../runtime/clock.ts';
import { type RequestHandler, startHealthServer, startHttps } from '../runtime/http.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Random } from '../runtime/random.ts';
import type { Shutdown } from '../runtime/shutdown.ts';
import { createBinder } from './bind.ts';
import { createDecisions, type Decisions } from './decisions.ts';
import type { ExplainedWorld } from './explain/explanation.ts';
import { startExplainServer } from './explain/start.ts';
import { createHinter } from './hint/hinter.ts';
import { createKnowledge, type LiveKnowledge } from './knowledge.ts';
import { createExtenderMetrics, type ExtenderMetrics } from './metrics.ts';
import type { ExtenderOptions } from './options.ts';
import { createEvictor } from './preemption/evictor.ts';
import { createPreemption, type Preemption } from './preemption/preemption.ts';
import type { ExtenderPod } from './protocol.ts';
import { createWaker, type Waker } from './waking/waker.ts';
import { podCertificates } from './pod-certificates.ts';
import { createExtenderApp } from './server.ts';
import { fetchJson } from './storage/linstor-source.ts';
import type { LinstorAccess } from './storage/locators.ts';
import { createSourceGauges } from './sources/metrics.ts';

/** What the extender process is built from. */
export interface ExtenderParts {
  readonly options: ExtenderOptions;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly shutdown: Shutdown;
}

/** Where the extender serves the scheduler, probes and people. */
export interface ExtenderPorts {
  readonly port: number;
  readonly healthPort: number;
  readonly explainPort: number;
}

/** Requests under way get this long at the end; the scheduler gives up on them after 2 s anyway. */
const CLOSE_GRACE_MS = 2_000;

/** Starts caches and servers; resolves with the ports once both serve. Ready only when the caches are filled. */
export async function startExtender(parts: ExtenderParts): Promise<ExtenderPorts> {
  const { options, log, clock, shutdown, metrics } = parts;
  const names = options.serverNames.split(',').map((name) => name.trim());
  const { caPem, server } = await podCertificates({ directory: options.certificateDir, names, now: clock.now() });
  const news = createNews();
  const knowledge = createKnowledge({ ...parts, ...linstorOf(options), onNodeChange: (node) => news.tell(node) });
  knowledge.start();
  shutdown.onClose('caches', () => knowledge.stop());

  const health = await startHealthServer({
    port: options.healthPort,
    metrics,
    ready: () => shutdown.reason() || knowledge.unready(),
  });
  shutdown.onClose('health server', () => health.close(0));

  createSourceGauges(metrics.registry, () => knowledge.sources, clock);
  const extenderMetrics = createExtenderMetrics(metrics.registry, knowledge.gauges);
  const decisions = alsoTelling(
    createDecisions(() => clock.now()),
    wakerOf(parts, { knowledge, news, metrics: extenderMetrics }),
  );
  const handler = appOf(parts, { knowledge, decisions, metrics: extenderMetrics });
  const certificate: CertificateSource = { current: () => server, onChange: () => () => undefined };
  const https = await startHttps({ handler, host: options.host, port: options.port, certificate, clientCa: () => caPem, log });
  startHinter(parts, knowledge);
  shutdown.onClose('extender server', () => https.close(CLOSE_GRACE_MS));
  const world = explainedWorld(knowledge);
  const explain = await startExplainServer({
    ...parts,
    host: options.host,
    port: options.explainPort,
    server,
    caPem,
    decisions,
    world,
  });
  shutdown.onClose('explain server', () => explain.stop());
  const ports = { port: https.port, healthPort: health.port, explainPort: explain.port };
  log.info(ports, 'extender serves');
  return ports;
}

function explainedWorld(knowledge: LiveKnowledge): ExplainedWorld {
  const { ledger } = knowledge;
  return {
    ...knowledge,
    room: (node, uid) => ledger.room(node, uid),
    source: (node) => ledger.report(node)?.source ?? '',
  };
}

/** Nothing without a URL. */
function linstorOf({ linstorUrl: url, linstorPollSeconds }: ExtenderOptions): { linstor?: LinstorAccess } {
  return url === '' ? {} : { linstor: { url, everyMs: linstorPollSeconds * 1000, fetch: fetchJson } };
}

function appOf(
  parts: ExtenderParts,
  { knowledge, decisions, metrics }: { knowledge: LiveKnowledge; decisions: Decisions; metrics: ExtenderMetrics },
): RequestHandler {
  const { options, log, clock, client } = parts;
  const { ledger, trials } = knowledge;
  const binder = createBinder({ client, clock, ledger, trials, world: knowledge, guest: (pod) => knowledge.guest(pod) });
  const preemption = preemptionOf(parts, knowledge, metrics);
  const { requestLimitMib, scoreNodes } = options;
  return createExtenderApp({ knowledge, binder, preemption, decisions, log, metrics, requestLimitMib, scoreNodes });
}

/** From caches to whoever acts on what they show, which is made after them. */
interface News {
  tell(node: string): void;
  listen(listener: (node: string) => void): void;
}

function createNews(): News {
  const listeners: ((node: string) => void)[] = [];
  return { tell: (node) => listeners.forEach((listener) => listener(node)), listen: (listener) => void listeners.push(listener) };
}

function wakerOf(
  { client, clock, log, shutdown }: ExtenderParts,
  { knowledge, news, metrics: { wakes } }: { knowledge: LiveKnowledge; news: News; metrics: ExtenderMetrics },
): Waker {
  const waker = createWaker({ client, clock, log, world: knowledge, wakes });
  news.listen((node) => waker.changed(node));
  shutdown.onClose('waking', () => waker.stop());
  return waker;
}

function alsoTelling(decisions: Decisions, { listens }: Waker): Decisions {
  return {
    ...decisions,
    filtered: (pod, verdicts, guest) => {
      decisions.filtered(pod, verdicts, guest);
      listens.filtered(pod, verdicts, guest);
    },
    bound: (key, bind) => {
      decisions.bound(key, bind);
      listens.bound(key, bind);
    },
  };
}

function startHinter(parts: ExtenderParts, knowledge: LiveKnowledge): void {
  const { options, client, clock, log, shutdown } = parts;
  const hinter = createHinter({
    client,
    clock,
    log,
    world: knowledge,
    ledger: knowledge.ledger,
    guest: (pod) => knowledge.guest(pod),
    intervalMs: options.hintIntervalSeconds * 1000,
    lease: options.schedulerLease,
    hostname: hostname(),
    unready: () => knowledge.unready(),
  });
  hinter.start();
  shutdown.onClose('hints', () => hinter.stop());
}

function preemptionOf(parts: ExtenderParts, knowledge: LiveKnowledge, { evictions }: ExtenderMetrics): Preemption {
  const { options, log, clock, client, shutdown } = parts;
  const books = { ...knowledge.preemption, ledger: knowledge.ledger, world: knowledge, clock, log };
  const asking = { ...books, guest: (pod: ExtenderPod) => knowledge.guest(pod), unready: () => knowledge.unready() };
  if (options.preemption === 'scheduler') return createPreemption({ ...asking, evictor: 'scheduler' });
  if (options.preemption === 'off') return createPreemption({ ...asking, evictor: undefined });
  const events = createEventRecorder({ client, clock, log, component: 'podvisor-scheduler-extender', host: hostname() });
  const evictor = createEvictor({ ...books, client, events, evictions });
  shutdown.onClose('evictions', async () => {
    await evictor.stop();
    await events.flush();
  });
  return createPreemption({ ...asking, evictor });
}
