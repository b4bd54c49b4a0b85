import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createKubeClient, type HttpKubeClient, type KubeClientOptions } from '../../kube/http-client.ts';

/** Answers one request; its body is there already. */
export type Handler = (request: IncomingMessage & { body: string }, response: ServerResponse) => void;

/** A client and the server it talks to. */
export interface HttpRig {
  readonly client: HttpKubeClient;
  readonly sockets: Socket[];
  readonly requests: (IncomingMessage & { body: string })[];
}

const cleanups: (() => void)[] = [];
/** For afterEach. */
export const closeHttpRigs = (): void => {
  for (const cleanup of cleanups.splice(0)) cleanup();
};

/** A server with this handler under `/prefix`, and a client for it. `tokens`: the first is remembered, a refresh drops it. */
export const httpRig = async (handler: Handler, options: KubeClientOptions & { tokens?: string[] } = {}): Promise<HttpRig> => {
  const requests: HttpRig['requests'] = [];
  const sockets: Socket[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const whole = Object.assign(request, { body: Buffer.concat(chunks).toString() });
      requests.push(whole);
      handler(whole, response);
    });
  });
  server.on('connection', (socket: Socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const tokens = [...(options.tokens ?? ['t'])];
  const client = createKubeClient(
    {
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`,
      credentials: (refresh) => {
        if (refresh === true) tokens.shift();
        return Promise.resolve({ headers: { authorization: `Bearer ${tokens[0] ?? ''}` } });
      },
    },
    options,
  );
  cleanups.push(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  return { client, sockets, requests };
};

/** Answers with JSON. */
export const json = (response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};
