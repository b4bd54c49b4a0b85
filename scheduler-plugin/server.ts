import express from 'express';
import type { ErrorRequestHandler, Express, Request, Response } from 'express';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import { judgeNodes } from './filter.ts';
import type { GuestOutcome } from './filter.ts';
import type { ExtenderMetrics } from './metrics.ts';
import type { NodeFacts } from './node-facts.ts';
import { decodeRequest, errorReply, filterReply } from './protocol.ts';
import type { ExtenderPod, ExtenderRequest, FilterReply, HostPriority, Verdict } from './protocol.ts';
import { scoreNodes } from './score.ts';

/** Path below which the verbs are served; part of `urlPrefix`, so that the scheduler's own error messages name Podvisor. */
export const EXTENDER_PATH = '/podvisor-extender';

/** What the server knows of the cluster: caches only, no request ever waits for the API server. */
export interface Knowledge {
  /** '' once every cache has been filled, else what is missing. */
  unready(): string;
  node(name: string): NodeFacts | undefined;
  /** VM pods bound to that node. */
  vmsOn(node: string): number;
  guest(pod: ExtenderPod): GuestOutcome;
  /** Resolves a moment later, for a cache that is behind the scheduler's. */
  catchUp(): Promise<void>;
}

export interface ExtenderServerOptions {
  readonly knowledge: Knowledge;
  readonly log: Log;
  readonly metrics: ExtenderMetrics;
  /** Largest request body. 5,000 node names are 0.2 MiB; full Node objects about 20 KiB each. */
  readonly requestLimitMib: number;
}

/**
 * The extender's HTTP surface. Always answers 200 with a body the scheduler understands: it reads nothing from other
 * answers, and the person at kubectl would see a bare status code.
 */
export function createExtenderApp(options: ExtenderServerOptions): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.use(express.json({ limit: options.requestLimitMib * 1024 * 1024, type: () => true }));
  app.post(`${EXTENDER_PATH}/filter`, async (request: Request, response: Response) => {
    response.json(await timed(options, 'filter', () => answerFilter(options, request.body)));
  });
  app.post(`${EXTENDER_PATH}/prioritize`, async (request: Request, response: Response) => {
    response.json(await timed(options, 'prioritize', () => Promise.resolve(answerPrioritize(options, request.body))));
  });
  app.use(badBody(options));
  return app;
}

async function timed<T>(options: ExtenderServerOptions, verb: string, answer: () => Promise<T>): Promise<T> {
  const stop = options.metrics.requestSeconds.startTimer({ verb });
  try {
    return await answer();
  } finally {
    stop();
  }
}

async function answerFilter(options: ExtenderServerOptions, body: unknown): Promise<FilterReply> {
  const unready = options.knowledge.unready();
  if (unready !== '') return failed(options, unready);
  const decoded = decodeRequest(body);
  if (!decoded.ok) return failed(options, decoded.reason);
  const verdicts = await judge(options, decoded.request);
  report(options, decoded.request, verdicts);
  return filterReply(decoded.request.form, verdicts);
}

/**
 * The scheduler has already seen each of these nodes offer the device, so a refusal may only mean that our watch is a few
 * milliseconds behind its. Refusing at once could leave the pod waiting for the next cluster event: look again once.
 */
async function judge(options: ExtenderServerOptions, request: ExtenderRequest): Promise<readonly Verdict[]> {
  const { knowledge } = options;
  const outcome = knowledge.guest(request.pod);
  const once = (): readonly Verdict[] => judgeNodes(request, outcome, (name) => knowledge.node(name));
  const verdicts = once();
  if (!outcome.ok || request.form === 'objects' || verdicts.every((verdict) => verdict.reason === '')) return verdicts;
  await knowledge.catchUp();
  return once();
}

function answerPrioritize(options: ExtenderServerOptions, body: unknown): readonly HostPriority[] {
  const decoded = decodeRequest(body);
  if (decoded.ok) return scoreNodes(decoded.request.candidates, (name) => options.knowledge.vmsOn(name));
  // The scheduler goes on without our scores; nobody else will ever see this.
  options.log.warn({ reason: decoded.reason }, 'prioritize request not understood');
  return [];
}

function report(options: ExtenderServerOptions, request: ExtenderRequest, verdicts: readonly Verdict[]): void {
  const refused = verdicts.filter((verdict) => verdict.reason !== '');
  options.metrics.nodes.inc({ verdict: 'passed' }, verdicts.length - refused.length);
  options.metrics.nodes.inc({ verdict: 'refused' }, refused.length);
  if (refused.length < verdicts.length) return;
  options.log.info(
    { pod: podName(request.pod), reason: refused[0]?.reason ?? 'no node was asked about' },
    'no node can run the VM',
  );
}

function failed(options: ExtenderServerOptions, reason: string): FilterReply {
  options.metrics.errors.inc({ verb: 'filter' });
  options.log.warn({ reason }, 'filter request failed');
  return errorReply(reason);
}

/** Bodies that are not JSON or too large end here; Express recognises the handler by its four arguments. */
function badBody(options: ExtenderServerOptions): ErrorRequestHandler {
  return (error: unknown, request: Request, response: Response, next: (error?: unknown) => void) => {
    if (response.headersSent) return next(error);
    const reason = `request not readable: ${messageOf(error)} (limit ${options.requestLimitMib} MiB, --request-limit-mib)`;
    response.status(200).json(request.path.endsWith('/prioritize') ? [] : failed(options, reason));
  };
}

function podName(pod: ExtenderPod): string {
  return `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`;
}
