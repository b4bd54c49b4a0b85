import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createKubeClient, type HttpKubeClient } from '../../../kube/http-client.ts';
import { closeHttpRigs, httpRig as rig, json, type Handler } from '../../build/http-rig.ts';
import { createTestCa } from '../../build/tls.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  closeHttpRigs();
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const ok: Handler = (_, response) => json(response, { ok: true });

it('sends 200 requests over one connection', async () => {
  const { client, sockets } = await rig(ok);
  for (let i = 0; i < 200; i++) await client.get('/x');
  expect(sockets).toHaveLength(1);
});

it('sends a burst over at most 8 connections', async () => {
  const { client, sockets } = await rig(ok);
  await Promise.all(Array.from({ length: 100 }, () => client.get('/x')));
  expect(sockets.length).toBeLessThanOrEqual(8);
});

it.each<[string, (client: HttpKubeClient) => Promise<unknown>, object]>([
  [
    'get with a query',
    (c) => c.get('/api/v1/pods', { limit: 5, labelSelector: 'a=b,c', none: undefined }),
    { method: 'GET', url: '/prefix/api/v1/pods?limit=5&labelSelector=a%3Db%2Cc', body: '' },
  ],
  [
    'create',
    (c) => c.create('/p', { a: 1 }, { dryRun: 'All' }),
    { method: 'POST', url: '/prefix/p?dryRun=All', body: '{"a":1}', type: 'application/json' },
  ],
  [
    'replace',
    (c) => c.replace('/p/n', { a: 'ü' }),
    { method: 'PUT', url: '/prefix/p/n', body: '{"a":"ü"}', type: 'application/json' },
  ],
  [
    'merge patch of a subresource',
    (c) => c.patch('/p/n', { type: 'merge', body: { a: 1 }, subresource: 'status' }),
    { method: 'PATCH', url: '/prefix/p/n/status', type: 'application/merge-patch+json' },
  ],
  [
    'JSON patch',
    (c) => c.patch('/p/n', { type: 'json', body: [] }),
    { method: 'PATCH', body: '[]', type: 'application/json-patch+json' },
  ],
  [
    'strategic patch',
    (c) => c.patch('/p/n', { type: 'strategic', body: {} }),
    { type: 'application/strategic-merge-patch+json' },
  ],
  [
    'server-side apply',
    (c) => c.patch('/p/n', { type: 'apply', body: {}, fieldManager: 'podvisor', force: true }),
    { url: '/prefix/p/n?fieldManager=podvisor&force=true', type: 'application/apply-patch+yaml' },
  ],
  [
    'delete with options',
    (c) => c.delete('/p/n', { gracePeriodSeconds: 0 }),
    { method: 'DELETE', body: '{"gracePeriodSeconds":0}' },
  ],
  ['delete', (c) => c.delete('/p/n'), { method: 'DELETE', body: '' }],
])('%s', async (_, call, expected) => {
  const { client, requests } = await rig(ok);
  await call(client);
  const { method, url, body, headers } = requests[0]!;
  expect({ method, url, body, type: headers['content-type'] }).toMatchObject(expected);
  expect(headers).toMatchObject({ authorization: 'Bearer t', 'user-agent': 'podvisor/dev' });
});

it.each<[string, Handler, object]>([
  [
    'a Status',
    (_, r) => json(r, { reason: 'AlreadyExists', message: 'pods "a" already exists' }, 409),
    { status: 409, reason: 'AlreadyExists', message: 'pods "a" already exists' },
  ],
  ['text', (_, r) => r.writeHead(503).end('upstream gone'), { status: 503, reason: 'Unknown', message: 'upstream gone' }],
  ['an empty body', (_, r) => r.writeHead(500).end(), { status: 500, message: 'GET /x: HTTP 500' }],
  ['Retry-After as header', (_, r) => json(r, {}, 429, { 'retry-after': '7' }), { status: 429, retryAfterMs: 7000 }],
  [
    'Retry-After in the details',
    (_, r) => json(r, { details: { retryAfterSeconds: 3 } }, 504),
    { status: 504, retryAfterMs: 3000 },
  ],
  ['a redirect', (_, r) => r.writeHead(302, { location: 'https://evil' }).end(), { status: 302 }],
  [
    'success that is not JSON',
    (_, r) => r.end('<html>'),
    { status: 0, reason: 'BadAnswer', message: 'GET /x: the answer is not JSON' },
  ],
  [
    'a cut in the middle of the body',
    (_, r) => void r.writeHead(200, { 'content-length': '100' }).write('{', () => r.destroy()),
    { status: 0, reason: 'Unreachable' },
  ],
  [
    'a version from the future',
    (_, r) => json(r, { reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } }, 504),
    { status: 410 },
  ],
])('answers with %s become a KubeError', async (_, handler, expected) => {
  const { client } = await rig(handler);
  await expect(client.get('/x')).rejects.toMatchObject({ name: 'KubeError', ...expected });
});

it('refuses an answer beyond the size limit', async () => {
  const { client } = await rig((_, response) => response.end(JSON.stringify({ big: 'x'.repeat(5000) })), {
    maxResponseBytes: 4096,
  });
  await expect(client.get('/x')).rejects.toMatchObject({ reason: 'TooLarge' });
});

it.each<[string, Handler]>([
  ['that never begins', () => undefined],
  ['that never ends', (_, response) => void response.writeHead(200).write('{')],
])('gives up an answer %s', async (_, handler) => {
  const { client } = await rig(handler, { timeoutMs: 50 });
  await expect(client.get('/x')).rejects.toMatchObject({ status: 0, reason: 'Timeout' });
});

it('names the server it cannot reach', async () => {
  const client = createKubeClient({ server: 'http://127.0.0.1:1', credentials: () => Promise.resolve({ headers: {} }) });
  await expect(client.get('/x')).rejects.toMatchObject({
    status: 0,
    reason: 'Unreachable',
    message: expect.stringContaining('127.0.0.1:1'),
  });
});

it('tells when there are no credentials', async () => {
  const client = createKubeClient({
    server: 'http://127.0.0.1:1',
    credentials: () => Promise.reject(new Error('no token file')),
  });
  await expect(client.get('/x')).rejects.toMatchObject({ status: 0, message: expect.stringContaining('no token file') });
});

it('reads the token again after a 401, once', async () => {
  const handler: Handler = (request, response) => json(response, {}, request.headers.authorization === 'Bearer new' ? 200 : 401);
  const { client, requests } = await rig(handler, { tokens: ['old', 'new', 'newest'] });
  await client.create('/x', {});
  expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
  const refused = await rig((_, response) => json(response, {}, 401), { tokens: ['a', 'b', 'c'] });
  await expect(refused.client.get('/x')).rejects.toMatchObject({ status: 401 });
  expect(refused.requests).toHaveLength(2);
});

/** Answers the first request on each connection, and cuts the connection at the second. */
const closesAtReuse = (): Handler => {
  const used = new WeakSet<object>();
  return (request, response) => {
    if (used.has(request.socket)) return void request.socket.destroy();
    used.add(request.socket);
    json(response, {});
  };
};

it('sends a read again when the pooled connection was just closed, but never a write', async () => {
  const { client, requests } = await rig(closesAtReuse());
  await client.get('/first');
  await client.get('/second');
  await expect(client.create('/third', {})).rejects.toMatchObject({ status: 0, reason: 'Unreachable' });
  expect(requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
});

it('checks the server by the CA of the credentials, and follows a rotated CA', async () => {
  const [first, second] = await Promise.all([createTestCa('one'), createTestCa('two')]);
  const pair = await first.issue('api');
  const server = createTlsServer({ key: pair.keyPem, cert: pair.certPem }, (_, response) => json(response, {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let ca = second.certPem;
  const port = (server.address() as AddressInfo).port;
  const client = createKubeClient({
    server: `https://127.0.0.1:${port}`,
    credentials: () => Promise.resolve({ ca, headers: {} }),
  });
  cleanups.push(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  await expect(client.get('/x')).rejects.toMatchObject({ status: 0, message: expect.stringContaining('certificate') });
  ca = first.certPem;
  expect(await client.get('/x')).toEqual({});
  ca = `${first.certPem}\n${second.certPem}`;
  expect(await client.get('/x')).toEqual({});
});
