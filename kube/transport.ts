import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { messageOf } from '../runtime/errors.ts';
import { VERSION } from '../runtime/version.ts';
import type { KubeConnection, KubeCredentials } from './connection.ts';
import { KubeError } from './errors.ts';

/** One HTTP request to the API server. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly target: string;
  readonly body?: string;
  readonly contentType?: string;
  /** A watch: a connection of its own, no time limit once the answer has begun. */
  readonly stream?: AbortSignal;
}

/** Sends requests; knows about connections and credentials, nothing about Kubernetes' objects. */
export interface Transport {
  /** The answer's head; the caller reads or destroys the body. `fresh` skips remembered credentials. */
  send(request: KubeRequest, fresh?: boolean): Promise<IncomingMessage>;
  close(): void;
}

/** Enough for a burst of writes, few enough that 100 agents are not 1,000 connections. */
const MAX_SOCKETS = 8;
const TCP_KEEPALIVE_MS = 30_000;

interface Agents {
  /** What they were made of: a change (rotated CA or client certificate) makes new ones. */
  readonly fingerprint: string;
  readonly pooled: HttpAgent;
  readonly single: HttpAgent;
}

/** One keep-alive agent for requests, one without for watches. */
export function createTransport(connection: KubeConnection, timeoutMs: number): Transport {
  const base = new URL(connection.server);
  let agents: Agents | undefined;
  const agentsFor = (credentials: KubeCredentials): Agents => {
    const fingerprint = [credentials.ca, credentials.cert, credentials.key].join('\n');
    if (agents?.fingerprint === fingerprint) return agents;
    if (agents !== undefined) dropIdle(agents.pooled);
    agents = { fingerprint, ...createAgents(connection, credentials, base.protocol === 'https:') };
    return agents;
  };
  return {
    send: async (request, fresh) => {
      const credentials = await currentCredentials(connection, fresh);
      const { pooled, single } = agentsFor(credentials);
      const send = (): Promise<IncomingMessage> =>
        exchange({ base, request, timeoutMs, headers: credentials.headers, agent: request.stream ? single : pooled });
      return send().catch((error: unknown) =>
        isStaleSocket(error, request) ? send() : Promise.reject(toKubeError(error, base)),
      );
    },
    close: () => {
      agents?.pooled.destroy();
      agents?.single.destroy();
    },
  };
}

/** Requests in flight finish on the connections they have. */
function dropIdle(agent: HttpAgent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

async function currentCredentials(connection: KubeConnection, fresh: boolean | undefined): Promise<KubeCredentials> {
  try {
    return await connection.credentials(fresh);
  } catch (error) {
    throw new KubeError(0, 'Unreachable', `no credentials for ${connection.server}: ${messageOf(error)}`, { cause: error });
  }
}

function createAgents(
  connection: KubeConnection,
  credentials: KubeCredentials,
  tls: boolean,
): { pooled: HttpAgent; single: HttpAgent } {
  const pool = { keepAlive: true, maxSockets: MAX_SOCKETS, scheduling: 'lifo' } as const;
  if (!tls) return { pooled: new HttpAgent(pool), single: new HttpAgent({ keepAlive: false }) };
  const { ca, cert, key } = credentials;
  const secure = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(connection.serverName === undefined ? {} : { servername: connection.serverName }),
    rejectUnauthorized: connection.insecure !== true,
  };
  return { pooled: new HttpsAgent({ ...pool, ...secure }), single: new HttpsAgent({ keepAlive: false, ...secure }) };
}

interface Exchange {
  readonly base: URL;
  readonly request: KubeRequest;
  readonly agent: HttpAgent;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Node's errors of a request, with whether its socket had been used before. */
interface RequestFault {
  readonly fault: Error;
  readonly reused: boolean;
}

function exchange(given: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = open(given);
    const { stream } = given.request;
    // Destroying the request after its answer began would lose the reason.
    let current: { destroy(error: Error): unknown } = outgoing;
    const expire = AbortSignal.timeout(given.timeoutMs);
    const onExpire = (): void =>
      void current.destroy(new KubeError(0, 'Timeout', `no answer from ${given.base.host} in ${given.timeoutMs} ms`));
    const onAbort = (): void => void current.destroy(new KubeError(0, 'Aborted', 'the watch was stopped'));
    const forget = (): void => expire.removeEventListener('abort', onExpire);
    expire.addEventListener('abort', onExpire);
    stream?.addEventListener('abort', onAbort);
    if (stream?.aborted === true) onAbort();
    outgoing.on('response', (incoming) => {
      current = incoming;
      if (stream !== undefined) forget();
      resolve(incoming);
    });
    // Also reached when the body breaks off; the promise is settled by then, and the reader of the body sees the error.
    outgoing.on('error', (fault) => reject({ fault, reused: outgoing.reusedSocket } satisfies RequestFault)); // eslint-disable-line @typescript-eslint/prefer-promise-reject-errors
    outgoing.on('close', () => {
      forget();
      stream?.removeEventListener('abort', onAbort);
    });
    outgoing.end(given.request.body);
  });
}

function open({ base, request, agent, headers }: Exchange): ClientRequest {
  const send = base.protocol === 'https:' ? httpsRequest : httpRequest;
  const content =
    request.body === undefined
      ? {}
      : { 'content-type': request.contentType ?? 'application/json', 'content-length': Buffer.byteLength(request.body) };
  const outgoing = send(base.origin + base.pathname.replace(/\/$/, '') + request.target, {
    method: request.method,
    agent,
    headers: { accept: 'application/json', 'user-agent': `podvisor/${VERSION}`, ...content, ...headers },
  });
  outgoing.on('socket', (socket) => socket.setKeepAlive(true, TCP_KEEPALIVE_MS));
  return outgoing;
}

const isFault = (error: unknown): error is RequestFault => typeof error === 'object' && error !== null && 'fault' in error;

/** A pooled connection that the server closed just as we wrote to it. Reads may be sent again; a write might have happened. */
function isStaleSocket(error: unknown, request: KubeRequest): boolean {
  return isFault(error) && error.reused && request.method === 'GET' && !(error.fault instanceof KubeError);
}

/** Anything a request can throw, as the one error class of this room. */
export function toKubeError(error: unknown, base: { readonly host: string }): KubeError {
  const cause = isFault(error) ? error.fault : error;
  if (cause instanceof KubeError) return cause;
  return new KubeError(0, 'Unreachable', `cannot reach the API server at ${base.host}: ${messageOf(cause)}`, { cause });
}
