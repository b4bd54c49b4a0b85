import type { KubeClient } from './client.ts';
import type { KubeConnection } from './connection.ts';

/** Limits of a client. */
export interface KubeClientOptions {
  /** For a whole request, not for streams. Default 30 s. */
  readonly timeoutMs?: number;
  /** Largest body or watch line. Default 128 MiB. */
  readonly maxResponseBytes?: number;
}

/** A client over one keep-alive agent; watches have connections of their own. `close` drops them all. */
export function createKubeClient(connection: KubeConnection, options: KubeClientOptions = {}): KubeClient & { close(): void } {
  throw new Error(`being written: ${connection.server} ${options.timeoutMs ?? ''}`);
}
