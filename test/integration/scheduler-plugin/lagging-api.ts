import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { passLate } from '../../build/pass-late.ts';
import type { ApiServer } from '../api-server.ts';

/** A way to the API server on which some things are late. */
export interface LaggingApi {
  /** Of whoever goes this way; admin like the direct one. */
  readonly kubeconfig: string;
  close(): Promise<void>;
}

/** What is late on the way; milliseconds. */
export interface Lag {
  /** What watches bring is held back up to so long, each time another while, in its order. */
  readonly watchMs?: number;
  /** Writes to claims leave so much later, as they do when they queue in their client's limit of requests. */
  readonly claimWriteMs?: number;
}

/** Passes everything on, some of it late. */
export async function startLaggingApi(api: ApiServer, { watchMs = 0, claimWriteMs = 0 }: Lag): Promise<LaggingApi> {
  // client-go gives its token to nobody without TLS.
  const authorization = `Bearer ${api.token}`;
  const agent = new Agent({ keepAlive: true, ca: api.caPem });
  const pass = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const target = new URL(incoming.url ?? '/', api.connection.server);
    const isWatch = target.searchParams.has('watch');
    if (isClaimWrite(incoming.method, target)) await sleep(claimWriteMs, undefined, { ref: false });
    const headers = { ...incoming.headers, authorization };
    const onward = request(target, { agent, method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
      if (isWatch) passLate(answer, outgoing, watchMs);
      else answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  };
  const server = createServer((incoming, outgoing) => void pass(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(api.directory, `lagging-${port}.kubeconfig`);
  await writeFile(kubeconfig, kubeconfigOf(port), { mode: 0o600 });
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    agent.destroy();
  };
  return { kubeconfig, close };
}

function isClaimWrite(method: string | undefined, { pathname }: URL): boolean {
  return pathname.includes('/persistentvolumeclaims/') && (method === 'PUT' || method === 'PATCH');
}

function kubeconfigOf(port: number): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'admin', user: {} }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
  });
}
