import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { messageOf, PodvisorError } from '../runtime/errors.ts';
import type { KubeCredentials } from './connection.ts';

/** An answer, its body whole. */
export interface PodAnswer {
  readonly status: number;
  readonly text: string;
}

/** Decisions are a few dozen kB. */
const MOST_BYTES = 8 * 1024 * 1024;
const TIMEOUT_MS = 15_000;

/**
 * A GET to an HTTPS server at the other end of a stream, with the user's own credentials. The server's certificate is of its pod's own authority,
 * which nobody outside knows, and is not checked: the API server and the kubelet have brought the stream into that pod. Throws PodvisorError.
 */
export function askThrough(stream: Duplex, path: string, { cert, key, headers }: KubeCredentials): Promise<PodAnswer> {
  const impersonates = Object.keys(headers).some((name) => name.startsWith('impersonate-'));
  if (impersonates) {
    stream.destroy();
    return Promise.reject(
      new PodvisorError('config', 'the kubeconfig impersonates somebody, which the scheduler extender cannot check'),
    );
  }
  const { authorization } = headers;
  const pair = cert === undefined || key === undefined ? {} : { cert, key };
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(
        error instanceof PodvisorError
          ? error
          : new PodvisorError('unavailable', `no answer from the pod: ${messageOf(error)}`, { cause: error }),
      );
    stream.on('error', fail);
    const socket = connect({ socket: stream, rejectUnauthorized: false, ...pair });
    const outgoing = request({
      createConnection: () => socket,
      path,
      headers: { host: 'localhost', accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    outgoing.on('error', fail).end();
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MOST_BYTES) outgoing.destroy(new Error('the answer is too long'));
      });
      response.on('error', fail);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
  });
}
