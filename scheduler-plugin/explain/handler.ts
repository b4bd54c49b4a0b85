import type { IncomingMessage } from 'node:http';
import type { Explanation } from '../../api/explanation.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { RequestHandler } from '../../runtime/http.ts';
import type { Log } from '../../runtime/log.ts';
import { callerOf } from './caller.ts';
import { withoutNodes } from './explanation.ts';
import type { Caller, Reviewer } from './reviews.ts';

export interface ExplainOptions {
  readonly reviewer: Reviewer;
  /** PEM of the authorities that clients' certificates may come from; '' = none. */
  readonly clientCa: () => string;
  /** By `namespace/name`; undefined = nothing was decided for it lately. */
  readonly explain: (pod: string) => Explanation | undefined;
  readonly log: Log;
}

interface Answer {
  readonly status: 200 | 401 | 403 | 404 | 405 | 503;
  readonly body: Explanation | { readonly reason: string };
}

interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Answers `GET /explain/NAMESPACE/POD` to whoever may `get` that pod, as the API server says. Names and facts of nodes only to those who may `get`
 * NodeReports: a tenant who may read his pods need not know what nodes there are and who fills them.
 */
export function createExplainHandler(options: ExplainOptions): RequestHandler {
  return (request, response) => {
    void answer(options, request).then(({ status, body }) => {
      const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
      response.writeHead(status, status === 401 ? { ...headers, 'www-authenticate': 'Bearer' } : headers);
      response.end(JSON.stringify(body));
    });
  };
}

async function answer(options: ExplainOptions, request: IncomingMessage): Promise<Answer> {
  const pod = podOf(request.url ?? '');
  if (pod === undefined) return say(404, 'not here; try /explain/NAMESPACE/POD');
  if (request.method !== 'GET') return say(405, 'GET only');
  try {
    const caller = await callerOf(request, options.clientCa(), options.reviewer);
    if (caller === undefined) return say(401, NOBODY);
    return await answerTo(options, caller, pod);
  } catch (error) {
    const reason = messageOf(error);
    options.log.warn({ pod: `${pod.namespace}/${pod.name}`, reason }, 'cannot tell who may read a decision');
    return say(503, `who you are and what you may read cannot be checked now: ${reason}`);
  }
}

const NOBODY =
  'the API server knows nobody by your credentials; needed: a bearer token of the cluster, or a client certificate it takes';

const NODES_HIDDEN =
  'names and facts of nodes are shown to those who may get nodereports.podvisor.dev (ClusterRole podvisor-node-facts)';

const PODS = { verb: 'get', group: '', version: 'v1', resource: 'pods' } as const;
const NODE_REPORTS = { verb: 'get', group: 'podvisor.dev', version: 'v1alpha1', resource: 'nodereports' } as const;

async function answerTo({ reviewer, explain }: ExplainOptions, caller: Caller, { namespace, name }: PodName): Promise<Answer> {
  if (!(await reviewer.may(caller, { ...PODS, namespace, name })))
    return say(
      403,
      `user ${JSON.stringify(caller.username)} may not get pod ${name} in namespace ${namespace}; whoever may can read what was decided for it`,
    );
  const explanation = explain(`${namespace}/${name}`);
  if (explanation === undefined) return say(404, 'nothing was decided for it lately, here');
  const seesNodes = await reviewer.may(caller, NODE_REPORTS);
  return { status: 200, body: seesNodes ? explanation : withoutNodes(explanation, NODES_HIDDEN) };
}

const POD_PATH = /^\/explain\/([a-z0-9-]{1,63})\/([a-z0-9.-]{1,253})$/;

function podOf(url: string): PodName | undefined {
  const [, namespace, name] = POD_PATH.exec(url) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

function say(status: Exclude<Answer['status'], 200>, reason: string): Answer {
  return { status, body: { reason } };
}
