import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { passLate } from '../../build/pass-late.ts';
import type { ApiServer } from '../api-server.ts';

/** A way to the API server on which watches are late. */
export interface LaggingApi {
  /** Of whoever goes this way; admin like the direct one. */
  readonly kubeconfig: string;
  close(): Promise<void>;
}

/** Passes everything on; what watches bring is held back up to so long, each time another while, in its order. */
export async function startLaggingApi(api: ApiServer, mostMs: number): Promise<LaggingApi> {
  const agent = new Agent({ keepAlive: true, ca: api.caPem });
  const server = createServer((incoming, outgoing) => {
    const target = new URL(incoming.url ?? '/', api.connection.server);
    const isWatch = target.searchParams.has('watch');
    const onward = request(target, { agent, method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
      if (isWatch) passLate(answer, outgoing, mostMs);
      else answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const kubeconfig = join(api.directory, 'lagging.kubeconfig');
  await writeFile(kubeconfig, kubeconfigOf((server.address() as AddressInfo).port, api.token), { mode: 0o600 });
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    agent.destroy();
  };
  return { kubeconfig, close };
}

function kubeconfigOf(port: number, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
  });
}
