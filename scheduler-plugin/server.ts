import express from 'express';
import type { ErrorRequestHandler, Express, Request, Response } from 'express';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Binder } from './bind.ts';
import { podKey, type Decisions } from './decisions.ts';
import { type Bodies, createBodies } from './bodies.ts';
import { judgeNodes } from './filter.ts';
import type { GuestOutcome, World } from './filter.ts';
import { bodyReader, giveBack } from './memory.ts';
import type { ExtenderMetrics } from './metrics.ts';
import type { NodeNames } from './node-names.ts';
import type { Wanted } from './placement/wanted.ts';
import { NO_VICTIMS } from './preemption/messages.ts';
import type { Preemption } from './preemption/preemption.ts';
import { bindingReply, decodeBinding, decodeRequest, errorReply, filterReply } from './protocol.ts';
import type { ExtenderPod, ExtenderRequest, FilterReply, HostPriority, Verdict } from './protocol.ts';
import { filterBytes, filterNodesBytes, priorityBytes } from './replies.ts';
import { hostPriorities, nodeScores, type Scored, type Scores } from './score.ts';
import { createShortlist, type ScoreNodes, type Shortlist } from './shortlist.ts';

/** Path below which the verbs are served; part of `urlPrefix`, so that the scheduler's own error messages name Podvisor. */
export const EXTENDER_PATH = '/podvisor-extender';

/** What the server knows of the cluster: caches only. Of all verbs only bind waits for the API server. */
export interface Knowledge extends World {
  /** The nodes it has. */
  readonly names: Pick<NodeNames, 'read'>;
  /** '' once every cache has been filled, else what is missing. */
  unready(): string;
  guest(pod: ExtenderPod): GuestOutcome;
  /** Drops reservations whose time is over; how many. */
  expire(): number;
  /** Resolves a moment later, for a cache that is behind the scheduler's; at once when that has just been tried. */
  catchUp(wanted: Wanted): Promise<void>;
  /** Why a VM that was refused everywhere should be asked about again soon, whatever happens in the cluster; '' = no reason. */
  storageWaits(wanted: Wanted): string;
  /** The VM passed on these nodes: room for its new disks there is not for others until it is known where it goes. */
  promise(wanted: Wanted, passed: readonly string[]): void;
}

export interface ExtenderServerOptions {
  readonly knowledge: Knowledge;
  readonly binder: Binder;
  readonly preemption: Preemption;
  /** Told what was decided. */
  readonly decisions: Decisions;
  readonly log: Log;
  readonly metrics: ExtenderMetrics;
  /** Largest request body. 5,000 node names are 0.2 MiB; full Node objects about 20 KiB each. */
  readonly requestLimitMib: number;
  readonly scoreNodes: ScoreNodes;
}

/**
 * The extender's HTTP surface. Always answers 200 with a body the scheduler understands: it reads nothing from other
 * answers, and the person at kubectl would see a bare status code.
 */
export function createExtenderApp(options: ExtenderServerOptions): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  const limitBytes = options.requestLimitMib * 1024 * 1024;
  app.use(bodyReader(limitBytes), express.raw({ limit: limitBytes, type: () => true }));
  const bodies = createBodies(limitBytes, options.knowledge.names);
  const server = { ...options, bodies, shortlist: createShortlist(options.scoreNodes) };
  const serve = (verb: string, answer: (body: unknown) => Answer | Promise<Answer>): void => {
    app.post(`${EXTENDER_PATH}/${verb}`, async (request: Request, response: Response) => {
      const body = readBody(bodies, request.body);
      const answered = await timed(options, verb, async () => answer(body));
      if (Buffer.isBuffer(answered)) sendBytes(response, answered);
      else response.json(answered);
    });
  };
  serve('filter', async (body) => shortened(await answerFilter(server, body), bodies));
  serve('prioritize', (body) => answerPrioritize(server, body));
  serve('bind', (body) => answerBind(options, body));
  serve('preempt', (body) => options.preemption.answer(body));
  app.use(badBody(options));
  return app;
}

interface Server extends ExtenderServerOptions {
  readonly bodies: Bodies;
  readonly shortlist: Shortlist;
}

/** Bytes are JSON already, and memory of their own. */
type Answer = object | Buffer;

function readBody(bodies: Bodies, body: unknown): unknown {
  if (!Buffer.isBuffer(body)) return undefined;
  try {
    return bodies.read(body);
  } finally {
    giveBack(body);
  }
}

function sendBytes(response: Response, bytes: Buffer): void {
  // Only when all of it is with the operating system; of an answer that nobody took the garbage collector finds the memory.
  response.on('finish', () => giveBack(bytes));
  response.type('json').send(bytes);
}

function shortened(reply: FilterReply, bodies: Bodies): Answer {
  const { NodeNames: names, Nodes: nodes } = reply;
  if (nodes !== null) {
    const whole = nodes.items.flatMap((node) => bodies.nodeBytesOf(node) ?? []);
    return whole.length === nodes.items.length ? filterNodesBytes(reply, whole) : reply;
  }
  const list = names === null ? undefined : bodies.bytesOf(names);
  return list === undefined ? reply : filterBytes(reply, list);
}

async function timed<T>(options: ExtenderServerOptions, verb: string, answer: () => Promise<T>): Promise<T> {
  const stop = options.metrics.requestSeconds.startTimer({ verb });
  try {
    return await answer();
  } finally {
    stop();
  }
}

async function answerFilter(server: Server, body: unknown): Promise<FilterReply> {
  const unready = server.knowledge.unready();
  if (unready !== '') return failed(server, unready);
  const decoded = decodeRequest(body, server.bodies.areNames);
  if (!decoded.ok) return failed(server, decoded.reason);
  server.metrics.expired.inc(server.knowledge.expire());
  const outcome = server.knowledge.guest(decoded.request.pod);
  if (outcome.ok) server.binder.remember(outcome.guest);
  const judged = await judge(server, decoded.request, outcome);
  const verdicts = outcome.ok ? server.preemption.refused(decoded.request.pod, outcome.guest, judged) : judged;
  server.decisions.filtered(decoded.request.pod, verdicts, outcome.ok ? outcome.guest : undefined);
  report(server, decoded.request, verdicts);
  const { request } = decoded;
  if (!outcome.ok) return filterReply(request, verdicts);
  const told = server.shortlist.of({ request, verdicts }, (passed) => scoresOf(server, outcome.guest, passed));
  const waits = settleStorage(server, outcome.guest, told.verdicts);
  return waits === '' ? filterReply(told.request, told.verdicts) : failed(server, waits);
}

function scoresOf({ knowledge }: ExtenderServerOptions, guest: Wanted, nodes: readonly Scored[]): Scores {
  const storage = knowledge.storage(guest);
  return nodeScores(guest, nodes, storage?.shares(nodes.map(({ name }) => name)));
}

/**
 * The scheduler has seen each of these nodes offer the device and have room, so refusing all may only mean that our watch is a few milliseconds
 * behind its. Refusing at once could leave the pod waiting for the next cluster event: look again once.
 */
async function judge(
  { knowledge }: ExtenderServerOptions,
  request: ExtenderRequest,
  outcome: GuestOutcome,
): Promise<readonly Verdict[]> {
  const verdicts = judgeNodes(request, outcome, knowledge);
  if (!outcome.ok || verdicts.some((verdict) => verdict.reason === '')) return verdicts;
  await knowledge.catchUp(outcome.guest);
  return judgeNodes(request, outcome, knowledge);
}

/** Keeps room for a VM that passed. One that was refused for what is about to change is asked about again after the scheduler's back-off. */
function settleStorage({ knowledge }: ExtenderServerOptions, guest: Wanted, verdicts: readonly Verdict[]): string {
  if (guest.volumeClaims.length === 0) return '';
  const passed = verdicts.flatMap(({ name, reason }) => (reason === '' ? [name] : []));
  const waits = passed.length === 0 ? knowledge.storageWaits(guest) : '';
  knowledge.promise(guest, passed);
  return waits;
}

function answerPrioritize(server: Server, body: unknown): readonly HostPriority[] | Buffer {
  const decoded = decodeRequest(body, server.bodies.areNames);
  if (!decoded.ok) {
    // The scheduler goes on without our scores; nobody else will ever see this.
    server.log.warn({ reason: decoded.reason }, 'prioritize request not understood');
    return [];
  }
  const { request } = decoded;
  const outcome = server.knowledge.guest(request.pod);
  if (!outcome.ok) return [];
  const scores = scoresOf(server, outcome.guest, server.knowledge.judged(request.names, outcome.guest));
  server.decisions.scored(request.pod, scores);
  const list = server.bodies.bytesOf(request.names);
  return list === undefined ? hostPriorities(scores) : priorityBytes(request.names, scores.totals, list);
}

async function answerBind(server: ExtenderServerOptions, body: unknown): Promise<object> {
  const request = decodeBinding(body);
  if (request === undefined) return bindingReply('the binding request is not whole');
  const unready = server.knowledge.unready();
  if (unready !== '') return bindingReply(unready);
  const pod = `${request.namespace}/${request.name}`;
  const outcome = await server.binder.bind(request);
  server.metrics.bindings.inc({ outcome: outcome.kind });
  const reason = outcome.kind === 'bound' ? '' : outcome.reason;
  server.decisions.bound(pod, { node: request.node, reason });
  if (reason !== '') server.log.info({ pod, node: request.node, reason }, 'pod not bound');
  return bindingReply(outcome.kind === 'conflict' ? `the node was taken meanwhile: ${reason}` : reason);
}

function report(options: Server, request: ExtenderRequest, verdicts: readonly Verdict[]): void {
  const passed = verdicts.reduce((count, { reason }) => count + Number(reason === ''), 0);
  options.metrics.nodes.inc({ verdict: 'passed' }, passed);
  options.metrics.nodes.inc({ verdict: 'refused' }, verdicts.length - passed);
  if (passed > 0) return;
  options.log.info(
    { pod: podKey(request.pod), reason: verdicts[0]?.reason ?? 'no node was asked about' },
    'no node can run the VM',
  );
}

function failed(options: ExtenderServerOptions, reason: string): FilterReply {
  options.metrics.errors.inc({ verb: 'filter' });
  options.log.warn({ reason }, 'filter request failed');
  return errorReply(reason);
}

/** What verbs answer that have no field for an error; without an answer the scheduler goes on, evicting nobody. */
const UNREAD: Readonly<Record<string, object>> = { '/prioritize': [], '/preempt': NO_VICTIMS };

/** Bodies that are not JSON or too large end here; Express recognises the handler by its four arguments. */
function badBody(options: ExtenderServerOptions): ErrorRequestHandler {
  return (error: unknown, request: Request, response: Response, next: (error?: unknown) => void) => {
    if (response.headersSent) return next(error);
    const reason = `request not readable: ${messageOf(error)} (limit ${options.requestLimitMib} MiB, --request-limit-mib)`;
    response.status(200).json(UNREAD[request.path.slice(EXTENDER_PATH.length)] ?? failed(options, reason));
  };
}
