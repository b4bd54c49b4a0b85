import express from 'express';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import { messageOf } from '../../runtime/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Attachments } from '../../api/attachments.ts';
import type { Accelerator } from '../../api/guest-spec.ts';
import { wantedAttachments } from '../../api/parse-networks.ts';
import type { CompiledPolicy } from '../../policy/types.ts';
import { MUTATE_PATH, POLICY_PATH, PROBE_PATH, VALIDATE_PATH } from '../names.ts';
import type { PolicyFacts } from '../pod/context.ts';
import { decidePolicy } from '../policy/review-policy.ts';
import { decideMutate, decideValidate } from './decide.ts';
import type { Decide, DecisionContext } from './decide.ts';
import { decideTemplatesOnce } from './decide-templates.ts';
import { answerText, authenticated, deadline } from './guard.ts';
import type { Callers } from './guard.ts';
import type { AdmissionMetrics, Outcome } from './metrics.ts';
import { readEnvelope, readReview, reviewResponse } from './review.ts';
import type { AdmissionRequest, Decision } from './review.ts';

/** What the admission server needs. */
export interface AdmissionAppOptions {
  readonly launcherImage: string;
  /** What nodes offer now; called once a request. */
  readonly accelerators: () => Readonly<Record<Accelerator, boolean>>;
  /** Those of these network attachments (`namespace/name`) that the cluster has; called when a pod names any. Left out = none. */
  readonly attachments?: (keys: readonly string[]) => Promise<Attachments>;
  /** Where Multus looks for default networks without a namespace; left out = its own default. */
  readonly multusNamespace?: string;
  /** Left out = no policies. */
  readonly policies?: Policing;
  readonly metrics: AdmissionMetrics;
  readonly callers: Callers;
  readonly clock: Clock;
  readonly log: Log;
}

/** The policies of the cluster, and what becomes of their answers. */
export interface Policing {
  /** The policies for a pod about to be created, and what they look at. */
  readonly gather: (request: AdmissionRequest) => Promise<PolicyFacts | undefined>;
  /** All of them. */
  readonly policies: () => readonly CompiledPolicy[];
  /** A decision was made, and not for a dry run. */
  readonly decided: (request: AdmissionRequest, decision: Decision) => void;
}

/** An UPDATE carries two objects of up to 3 MiB each (etcd's limit with some air), and the review around them. */
const BODY_LIMIT = '7mb';

/** The webhooks as an express app. Stateless: what a request needs comes with it or from the options. */
export function createAdmissionApp(options: AdmissionAppOptions): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  const json = express.json({ limit: BODY_LIMIT, type: 'application/json' });
  const before = [authenticated(options.callers), deadline(options.clock), json];
  app.post(MUTATE_PATH, measured('mutate', options), ...before, admission('mutate', decideTemplatesOnce(decideMutate), options));
  app.post(VALIDATE_PATH, measured('validate', options), ...before, admission('validate', decideValidate, options));
  app.post(POLICY_PATH, measured('policy', options), ...before, policyAdmission(options));
  app.get(PROBE_PATH, (_request, response) => void response.type('text/plain').send('ok\n'));
  app.use((_request, response) => answerText(response, 404, 'not here'));
  app.use(onError(options.log));
  return app;
}

/** Observes each request once, whatever becomes of it. */
function measured(webhook: string, { metrics }: AdmissionAppOptions): RequestHandler {
  return (_request, response, next) => {
    const end = metrics.begin(webhook);
    response.once('close', () => end(outcomeOf(response)));
    next();
  };
}

function outcomeOf(response: Response): Outcome {
  return (response.locals['outcome'] as Outcome | undefined) ?? 'error';
}

function admission(webhook: string, decide: Decide, options: AdmissionAppOptions): RequestHandler {
  return async (request: Request, response: Response) => {
    // express leaves the body undefined when its content type is not the one asked for.
    if (request.body === undefined) return answerText(response, 415, 'content type must be application/json');
    const review = readReview(request.body);
    if (!review.ok) return answerText(response, 400, `not an AdmissionReview Podvisor can answer: ${review.reason}`);
    const decision = decide(review.request, await gatherContext(review.request, options));
    // Too late: the deadline has answered.
    if (response.headersSent) return;
    if (decision.message !== undefined) logRefusal(webhook, review.request, decision, options.log);
    if (!review.request.dryRun) count(review.request, decision, options);
    answer(response, review.request.uid, decision);
  };
}

function count(request: AdmissionRequest, decision: Decision, { policies, metrics }: AdmissionAppOptions): void {
  policies?.decided(request, decision);
  if (decision.overheadBytes !== undefined) metrics.overhead(decision.overheadBytes);
  if (decision.injector !== undefined) metrics.injector(decision.injector);
}

/** Creations and changes of policies. */
function policyAdmission({ policies, log }: AdmissionAppOptions): RequestHandler {
  return (request: Request, response: Response) => {
    const review = readEnvelope(request.body);
    if (!review.ok) return answerText(response, 400, `not an AdmissionReview Podvisor can answer: ${review.reason}`);
    const decision = decidePolicy(review.request, policies?.policies() ?? []);
    if (decision.message !== undefined) log.info({ webhook: 'policy', reason: decision.message }, 'refused');
    answer(response, review.uid, decision);
  };
}

function answer(response: Response, uid: string, decision: Decision): void {
  response.locals['outcome'] = decision.message === undefined ? 'allowed' : 'refused';
  // Not response.json(): nobody asks for an ETag or another charset, and looking for them costs as much as the rest of the answer.
  const body = Buffer.from(JSON.stringify(reviewResponse(uid, decision)), 'utf8');
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
}

/** All facts a decision is made from, from memory but for a network attachment that nobody has seen yet. */
async function gatherContext(request: AdmissionRequest, options: AdmissionAppOptions): Promise<DecisionContext> {
  const { launcherImage, multusNamespace } = options;
  const from = { namespace: request.namespace, ...(multusNamespace === undefined ? {} : { multusNamespace }) };
  const keys = request.operation === 'CREATE' ? wantedAttachments(request.object, from) : [];
  const attachments = keys.length === 0 ? {} : await options.attachments?.(keys);
  const policies = request.operation === 'CREATE' ? await options.policies?.gather(request) : undefined;
  return {
    launcherImage,
    accelerators: options.accelerators(),
    ...from,
    attachments: attachments ?? {},
    ...(policies === undefined ? {} : { policies }),
  };
}

function logRefusal(webhook: string, { namespace, name, object }: AdmissionRequest, { message }: Decision, log: Log): void {
  const pod = `${namespace}/${name === '' ? `${object.metadata.generateName ?? ''}*` : name}`;
  log.info({ webhook, pod, reason: message }, 'refused');
}

/** Bodies that are no JSON, too large or cut off, and bugs of ours. Four arguments are how express knows an error handler. */
function onError(log: Log): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    const status = statusOf(error);
    if (status >= 500) log.error({ err: error }, 'request failed');
    else log.warn({ reason: messageOf(error) }, 'bad request');
    if (response.headersSent) next(error);
    else answerText(response, status, status >= 500 ? 'internal error' : messageOf(error));
  };
}

/** A document so deep that walking it overflows the stack is nobody's pod: the stack has unwound, and we go on. */
function statusOf(error: unknown): number {
  if (error instanceof RangeError) return 400;
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}
