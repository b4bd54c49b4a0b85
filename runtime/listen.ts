import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { PodvisorError } from './errors.ts';

/** A server that listens. */
export interface RunningServer {
  /** The port in use (useful when 0 was asked for). */
  readonly port: number;
  /** Still answers, but asks clients to use another connection next time: before a close that must not meet a request on its way. */
  drain(): void;
  /** Stops accepting, lets requests in flight end, cuts what is left after `graceMs` (default 5 s). */
  close(graceMs?: number): Promise<void>;
}

const DEFAULT_GRACE_MS = 5000;

/** Timeouts that outlive the API server's pooled connections (90 s idle): it must never meet a connection we just closed. */
export const SERVER_LIMITS = {
  keepAliveTimeout: 95_000,
  headersTimeout: 100_000,
  // Node wants it no shorter than headersTimeout.
  requestTimeout: 110_000,
  maxHeaderSize: 16_384,
} as const;

/** Listens; rejects with PodvisorError('io') naming the address when it cannot. */
export async function listen(server: HttpServer | HttpsServer, port: number, host?: string): Promise<RunningServer> {
  const state = { draining: false };
  const inFlight = trackResponses(server, state);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new PodvisorError('io', `cannot listen on ${host ?? '*'}:${port}: ${error.message}`, { cause: error })),
    );
    server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
  });
  // Errors after this point (accept failures such as EMFILE) pass; the server goes on.
  server.on('error', () => undefined);
  return {
    port: (server.address() as AddressInfo).port,
    drain: () => void (state.draining = true),
    close: (graceMs = DEFAULT_GRACE_MS) => closeServer(server, inFlight, graceMs),
  };
}

function trackResponses(server: HttpServer | HttpsServer, state: { readonly draining: boolean }): Set<ServerResponse> {
  const inFlight = new Set<ServerResponse>();
  server.prependListener('request', (_request, response: ServerResponse) => {
    inFlight.add(response);
    response.once('close', () => inFlight.delete(response));
    // On a connection kept alive while we drain: answer, and let the client go elsewhere.
    if (state.draining || !server.listening) response.setHeader('connection', 'close');
  });
  return inFlight;
}

async function closeServer(server: HttpServer | HttpsServer, inFlight: Set<ServerResponse>, graceMs: number): Promise<void> {
  if (!server.listening) return;
  for (const response of inFlight) if (!response.headersSent) response.setHeader('connection', 'close');
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}
