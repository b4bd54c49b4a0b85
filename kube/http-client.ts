import type { IncomingMessage } from 'node:http';
import type { KubeClient, KubePatch, Query, WatchEvent } from './client.ts';
import type { KubeConnection } from './connection.ts';
import { KubeError, type KubeStatus } from './errors.ts';
import { errorOfStatus } from './status.ts';
import { lines, wholeText } from './lines.ts';
import { createTransport, toKubeError, type KubeRequest, type Transport } from './transport.ts';

/** Limits of a client. */
export interface KubeClientOptions {
  /** For a whole request; for a watch, until its answer begins. Default 30 s. */
  readonly timeoutMs?: number;
  /** Largest body or watch event. Default 128 MiB: a page of 100 pods of 1.3 MiB each. */
  readonly maxResponseBytes?: number;
}

/** A client that can be closed. */
export interface HttpKubeClient extends KubeClient {
  /** Drops every connection. */
  close(): void;
}

const DEFAULTS = { timeoutMs: 30_000, maxResponseBytes: 128 * 1024 * 1024 };

const PATCH_TYPES: Readonly<Record<KubePatch['type'], string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // The API server parses YAML here, and JSON is YAML.
  apply: 'application/apply-patch+yaml',
};

interface Context {
  readonly transport: Transport;
  readonly host: string;
  readonly maxBytes: number;
}

/** A client over one keep-alive agent (HTTP/1.1); each watch has a connection of its own. */
export function createKubeClient(connection: KubeConnection, options: KubeClientOptions = {}): HttpKubeClient {
  const { timeoutMs, maxResponseBytes } = { ...DEFAULTS, ...options };
  const transport = createTransport(connection, timeoutMs);
  const context: Context = { transport, host: new URL(connection.server).host, maxBytes: maxResponseBytes };
  const call = async <T>(request: KubeRequest): Promise<T> => (await fetchJson(context, request)) as T;
  return {
    get: (path, query) => call({ method: 'GET', target: withQuery(path, query) }),
    create: (path, body, query) => call({ method: 'POST', target: withQuery(path, query), body: JSON.stringify(body) }),
    replace: (path, body) => call({ method: 'PUT', target: path, body: JSON.stringify(body) }),
    patch: (path, patch) => call(patchRequest(path, patch)),
    delete: async (path, body) => {
      await call({ method: 'DELETE', target: path, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    },
    stream: (path, query, signal) => watchEvents(context, withQuery(path, { ...query, watch: true }), signal),
    close: () => transport.close(),
  };
}

function withQuery(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  return pairs.length === 0
    ? path
    : `${path}?${new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, String(value)])).toString()}`;
}

function patchRequest(path: string, { type, body, fieldManager, force, subresource }: KubePatch): KubeRequest {
  const target = subresource === undefined ? path : `${path}/${encodeURIComponent(subresource)}`;
  return {
    method: 'PATCH',
    target: withQuery(target, { fieldManager, force }),
    body: JSON.stringify(body),
    contentType: PATCH_TYPES[type],
  };
}

/** A 401 may only mean that our token is old: once more with a newly read one. */
async function sendAuthenticated(context: Context, request: KubeRequest): Promise<IncomingMessage> {
  const answer = await context.transport.send(request);
  if (answer.statusCode !== 401) return answer;
  answer.resume();
  return context.transport.send(request, true);
}

async function fetchJson(context: Context, request: KubeRequest): Promise<unknown> {
  const answer = await sendAuthenticated(context, request);
  try {
    const text = await wholeText(answer, context.maxBytes);
    if (!isSuccess(answer)) throw statusError(answer, text, request);
    return parse(text, request);
  } catch (error) {
    answer.destroy();
    throw toKubeError(error, context);
  }
}

const isSuccess = (answer: IncomingMessage): boolean => (answer.statusCode ?? 0) >= 200 && (answer.statusCode ?? 0) < 300;

function parse(text: string, request: KubeRequest): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KubeError(0, 'BadAnswer', `${request.method} ${request.target}: the answer is not JSON`, { cause: error });
  }
}

function statusError(answer: IncomingMessage, text: string, request: KubeRequest): KubeError {
  const code = answer.statusCode ?? 0;
  const status = readStatus(text);
  const header = Number(answer.headers['retry-after']);
  const seconds = Number.isFinite(header) && header >= 0 ? header : status.details?.retryAfterSeconds;
  return errorOfStatus({ ...status, code }, `${request.method} ${request.target}: HTTP ${code}`, seconds);
}

function readStatus(text: string): KubeStatus {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return text.trim() === '' ? {} : { message: text.slice(0, 200) };
  }
}

async function* watchEvents(context: Context, target: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
  const request: KubeRequest = { method: 'GET', target, stream: signal };
  const answer = await sendAuthenticated(context, request);
  try {
    if (!isSuccess(answer)) throw statusError(answer, await wholeText(answer, context.maxBytes), request);
    for await (const line of lines(answer, context.maxBytes)) yield parse(line, request) as WatchEvent;
  } catch (error) {
    throw signal.aborted ? new KubeError(0, 'Aborted', 'the watch was stopped', { cause: error }) : toKubeError(error, context);
  } finally {
    answer.destroy();
  }
}
