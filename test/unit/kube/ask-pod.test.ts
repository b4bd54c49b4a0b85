import { createServer, type Server } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { askThrough } from '../../../kube/ask-pod.ts';
import { createTestCa, type TestCa } from '../../build/tls.ts';

let ca: TestCa;
let server: Server;
let answer: { status: number; body: string };
beforeAll(async () => {
  ca = await createTestCa('of-the-pod');
  const { keyPem, certPem } = await ca.issue('pod');
  server = createServer(
    { key: keyPem, cert: certPem, ca: ca.certPem, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const { authorization = '' } = request.headers;
      const peer = (request.socket as unknown as { getPeerCertificate(): { subject?: { CN?: string } } }).getPeerCertificate();
      response.writeHead(answer.status).end(answer.body || `${request.url ?? ''} by ${authorization}${peer.subject?.CN ?? ''}`);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => (answer = { status: 200, body: '' }));

const stream = (): Socket => connect((server.address() as AddressInfo).port, '127.0.0.1');

test('a token goes with the request', async () => {
  expect(await askThrough(stream(), '/x', { headers: { authorization: 'Bearer t' } })).toEqual({
    status: 200,
    text: '/x by Bearer t',
  });
});

test('a client certificate proves who asks', async () => {
  const { certPem: cert, keyPem: key } = await ca.issue('ann');
  expect((await askThrough(stream(), '/x', { headers: {}, cert, key })).text).toBe('/x by ann');
});

test('any status is an answer', async () => {
  answer = { status: 403, body: 'no' };
  expect(await askThrough(stream(), '/x', { headers: {} })).toEqual({ status: 403, text: 'no' });
});

test('an impersonated user is refused here: the other end could not know whether that is allowed', async () => {
  await expect(askThrough(stream(), '/x', { headers: { 'impersonate-user': 'admin' } })).rejects.toThrow('impersonates');
});

test('a stream that breaks is an error with its reason, not silence', async () => {
  const broken = stream();
  const asked = askThrough(broken, '/x', { headers: {} });
  broken.destroy(new Error('connection refused'));
  await expect(asked).rejects.toThrow('no answer from the pod: connection refused');
});

test('an answer without end is cut off', async () => {
  answer = { status: 200, body: 'x'.repeat(9 * 1024 * 1024) };
  await expect(askThrough(stream(), '/x', { headers: {} })).rejects.toThrow('too long');
});
