import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server } from 'node:https';
import type { CertificateSource } from './certificate.ts';
import { messageOf, PodvisorError } from './errors.ts';
import { listen, SERVER_LIMITS, type RunningServer } from './listen.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { VERSION } from './version.ts';

export type { RunningServer } from './listen.ts';

/** Options of {@link startHealthServer}. */
export interface HealthServerOptions {
  /** 0 = any free one. */
  readonly port: number;
  /** Default: all addresses. */
  readonly host?: string;
  readonly metrics: Metrics;
  /** '' = ready, else why not. */
  readonly ready: () => string;
  /** Default: this build's. */
  readonly version?: string;
}

/** Node's request handler; an express app is one. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Options of {@link startHttps}. */
export interface HttpsOptions {
  readonly handler: RequestHandler;
  /** 0 = any free one. */
  readonly port: number;
  /** Default: all addresses. */
  readonly host?: string;
  readonly certificate: CertificateSource;
  /** PEM of the CA(s) that client certificates must come from; read again at each certificate change. Absent = no mTLS. */
  readonly clientCa?: () => string;
  /** With `clientCa`: callers without a good certificate get in too, and the handler looks at `socket.authorized`. */
  readonly anonymous?: boolean;
  readonly log: Log;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

/** Plain HTTP for probes and Prometheus: /healthz, /readyz (503 and the reason), /metrics, /version. */
export function startHealthServer(options: HealthServerOptions): Promise<RunningServer> {
  const server = createServer({ ...SERVER_LIMITS }, (request, response) => {
    void answerHealth(request, options).then(({ status, body, type }) => {
      response.writeHead(status, { 'content-type': type ?? 'text/plain; charset=utf-8' }).end(body);
    });
  });
  return listen(server, options.port, options.host);
}

async function answerHealth(request: IncomingMessage, options: HealthServerOptions): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, body: 'GET only\n' };
  const route = Object.entries(HEALTH_ROUTES).find(([path]) => path === request.url?.split('?')[0])?.[1];
  if (route === undefined) return { status: 404, body: `not here; try ${Object.keys(HEALTH_ROUTES).join(', ')}\n` };
  try {
    return await route(options);
  } catch (error) {
    return { status: 500, body: `${messageOf(error)}\n` };
  }
}

const HEALTH_ROUTES: Readonly<Record<string, (options: HealthServerOptions) => Answer | Promise<Answer>>> = {
  '/healthz': () => ({ status: 200, body: 'ok\n' }),
  '/readyz': ({ ready }) => {
    const reason = ready();
    return reason === '' ? { status: 200, body: 'ok\n' } : { status: 503, body: `not ready: ${reason}\n` };
  },
  '/metrics': async ({ metrics: { registry } }) => ({ status: 200, body: await registry.metrics(), type: registry.contentType }),
  '/version': ({ version = VERSION }) => ({
    status: 200,
    body: `${JSON.stringify({ version, node: process.version })}\n`,
    type: 'application/json',
  }),
};

/**
 * HTTPS that follows its certificate source without a restart. Listens at once; until the source has a certificate
 * handshakes fail. A pair that cannot be used is logged, and the one before stays in use.
 */
export async function startHttps(options: HttpsOptions): Promise<RunningServer> {
  const mutual = options.clientCa !== undefined;
  // requestCert and rejectUnauthorized belong to the server, everything else to the context that is exchanged.
  const server = createHttpsServer(
    {
      ...SERVER_LIMITS,
      minVersion: 'TLSv1.2',
      handshakeTimeout: 10_000,
      requestCert: mutual,
      rejectUnauthorized: mutual && options.anonymous !== true,
    },
    options.handler,
  );
  server.on('tlsClientError', (error) => options.log.debug({ reason: error.message }, 'TLS handshake failed'));
  loadCertificate(server, options);
  const unsubscribe = options.certificate.onChange(() => loadCertificate(server, options));
  try {
    const running = await listen(server, options.port, options.host);
    return {
      port: running.port,
      drain: () => running.drain(),
      close: (graceMs) => {
        unsubscribe();
        return running.close(graceMs);
      },
    };
  } catch (error) {
    unsubscribe();
    throw error;
  }
}

function loadCertificate(server: Server, { certificate, clientCa, log }: HttpsOptions): void {
  const pair = certificate.current();
  if (pair === undefined) return;
  try {
    server.setSecureContext({
      key: pair.keyPem,
      cert: pair.certPem,
      minVersion: 'TLSv1.2',
      ...(clientCa ? { ca: requireCa(clientCa()) } : {}),
    });
    log.info({}, 'serving certificate loaded');
  } catch (error) {
    log.error({ reason: messageOf(error) }, 'serving certificate cannot be used; keeping the one before');
  }
}

/** Without a CA of ours OpenSSL would fall back to the public ones and let strangers in: refuse instead. */
function requireCa(pem: string): string {
  if (!pem.includes('BEGIN CERTIFICATE')) throw new PodvisorError('config', 'the client CA holds no certificate');
  return pem;
}
