import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CertificateSource } from './certificate.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** A server that listens. */
export interface RunningServer {
  /** The port in use (useful when 0 was asked for). */
  readonly port: number;
  /** Stops accepting, lets requests in flight end, cuts what is left after `graceMs` (default 5 s). */
  close(graceMs?: number): Promise<void>;
}

/** Options of {@link startHealthServer}. */
export interface HealthServerOptions {
  readonly port: number;
  /** Default: all addresses. */
  readonly host?: string;
  readonly metrics: Metrics;
  /** '' = ready, else why not. */
  readonly ready: () => string;
  readonly version?: string;
}

/** Node's request handler; an express app is one. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Options of {@link startHttps}. */
export interface HttpsOptions {
  readonly handler: RequestHandler;
  readonly port: number;
  /** Default: all addresses. */
  readonly host?: string;
  readonly certificate: CertificateSource;
  /** PEM of the CA(s) client certificates must come from; read again at each certificate change. Absent = no mTLS. */
  readonly clientCa?: () => string;
  readonly log: Log;
}

/** Plain HTTP: /healthz, /readyz (503 and the reason), /metrics, /version. */
export function startHealthServer(options: HealthServerOptions): Promise<RunningServer> {
  throw new Error(`being written: ${options.port}`);
}

/** HTTPS with hot reload. Listens at once; handshakes fail until the source has a certificate. */
export function startHttps(options: HttpsOptions): Promise<RunningServer> {
  throw new Error(`being written: ${options.port}`);
}
