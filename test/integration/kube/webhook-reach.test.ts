import type { KubeObject } from '../../../kube/objects.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { KeyPair } from '../../../runtime/certificate.ts';
import { startHttps, type RunningServer } from '../../../runtime/http.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createTestCa, type TestCa } from '../../build/tls.ts';
import { startApiServer, type ApiServer } from '../api-server.ts';

const REVIEWS = 30;
const MAPS = pathOf(KINDS.configMaps, { namespace: 'default' });

let api: ApiServer;
let ca: TestCa;
let server: RunningServer;
let pair: KeyPair;
const listeners = new Set<() => void>();
let reviews = 0;

const answer = (text: string): string => {
  reviews += 1;
  const { request } = JSON.parse(text) as { request: { uid: string } };
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: request.uid, allowed: true, warnings: [`review ${reviews}`] },
  });
};

beforeAll(async () => {
  [api, ca] = await Promise.all([startApiServer(), createTestCa()]);
  pair = await ca.issue('first');
  server = await startHttps({
    port: 0,
    host: '127.0.0.1',
    log: silentLog,
    certificate: {
      current: () => pair,
      onChange: (fn) => {
        listeners.add(fn);
        return () => listeners.delete(fn);
      },
    },
    handler: (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(answer(Buffer.concat(chunks).toString())),
      );
    },
  });
}, 120_000);
afterAll(async () => {
  await server.close(100);
  await api.close();
});

it('the API server reaches a webhook on loopback, and never notices that its certificate is exchanged', async () => {
  const rules = [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }];
  const clientConfig = { url: `https://127.0.0.1:${server.port}/`, caBundle: Buffer.from(ca.certPem).toString('base64') };
  const webhook = {
    name: 'w.podvisor.dev',
    rules,
    clientConfig,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    failurePolicy: 'Fail',
    timeoutSeconds: 5,
  };
  const configuration: KubeObject = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'w' },
    ...{ webhooks: [webhook] },
  };
  await api.client.create(pathOf(KINDS.validatingWebhooks), configuration);
  const create = (i: number): Promise<unknown> =>
    api.client.create(MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `w-${i}`, namespace: 'default' } });
  const end = Date.now() + 30_000;
  for (let i = 0; reviews === 0 && Date.now() < end; i++) await create(10_000 + i);
  for (let i = 0; i < REVIEWS; i++) {
    pair = await ca.issue(`leaf-${i}`);
    for (const fn of listeners) fn();
    await create(i);
  }
  // At least: Go's client sends a request again when the connection it was given is just being closed.
  expect(reviews).toBeGreaterThanOrEqual(REVIEWS + 1);
}, 60_000);
