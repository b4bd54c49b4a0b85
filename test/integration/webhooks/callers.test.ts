import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeError } from '../../../kube/errors.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { createAuthority, issueLeaf } from '../../../certs/x509.ts';
import type { KeyPair } from '../../../runtime/certificate.ts';
import { MUTATE_PATH } from '../../../webhooks/names.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { vmPod } from '../../build/pod.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { eventually, makeNamespace, makeNode, published, startWebhook } from './rig.ts';

const NAMESPACE = 'free';
const validity = { notBefore: Date.now() - 300_000, notAfter: Date.now() + 3_600_000 };

let api: ApiServer;
let directory: string;
let authority: KeyPair;
let strict: WebhookService;
let counter = 0;
const client = (name: string, usage: 'client' | 'server' = 'client', by = authority): Promise<KeyPair> =>
  issueLeaf(by, { ...validity, commonName: name, usage, dnsNames: [name] });

/** The API server's own identity for webhooks: AdmissionConfiguration with a kubeconfig for all of them. */
function admissionConfig({ keyPem, certPem }: KeyPair): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const user = { 'client-certificate-data': base64(certPem), 'client-key-data': base64(keyPem) };
  writeFileSync(
    join(directory, 'kubeconfig'),
    JSON.stringify({ apiVersion: 'v1', kind: 'Config', users: [{ name: '*', user }] }),
  );
  const configuration = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'WebhookAdmissionConfiguration',
    kubeConfigFile: join(directory, 'kubeconfig'),
  };
  const plugins = ['MutatingAdmissionWebhook', 'ValidatingAdmissionWebhook'].map((name) => ({ name, configuration }));
  const file = join(directory, 'admission.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins }));
  return file;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podvisor-callers-'));
  authority = await createAuthority('client-ca', validity);
  const file = admissionConfig(await client('kube-apiserver'));
  api = await startApiServer({ withoutAdmission: [], flags: [`--admission-control-config-file=${file}`] });
  for (const name of ['podvisor-system', NAMESPACE]) await makeNamespace(api, name, 'privileged');
  await makeNode(api, 'node1', { 'podvisor.dev/tcg': '10' });
  strict = await startWebhook(api, { clientCa: () => authority.certPem, clientNames: ['kube-apiserver'] });
  await eventually(() => published(api), Boolean);
}, 120_000);

afterAll(async () => {
  await strict.stop();
  await api.close();
  rmSync(directory, { recursive: true, force: true });
}, 30_000);

async function trust(): Promise<string> {
  const path = pathOf(KINDS.secrets, { namespace: 'podvisor-system', name: 'podvisor-webhook-tls' });
  const { data } = await api.client.get<{ data: Record<string, string> }>(path);
  return Buffer.from(data['ca.crt']!, 'base64').toString();
}

/** A POST of a whole review, by whoever has this certificate. */
async function post(port: number, identity?: KeyPair): Promise<{ status: number; text: string }> {
  const ca = await trust();
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: 'u', operation: 'CREATE', namespace: NAMESPACE, object: vmPod() },
  };
  return new Promise((resolve, reject) => {
    const tls = identity === undefined ? {} : { key: identity.keyPem, cert: identity.certPem };
    const outgoing = request(
      {
        host: 'localhost',
        port,
        path: MUTATE_PATH,
        method: 'POST',
        ca,
        agent: false,
        ...tls,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    outgoing.on('error', reject).end(JSON.stringify(review));
  });
}

test('W26: the API server with its client certificate is served', async () => {
  const pod = (): object => vmPod({ name: `p${(counter += 1)}`, namespace: NAMESPACE });
  const create = (): Promise<string> =>
    api.client.create(pathOf(KINDS.pods, { namespace: NAMESPACE }), pod(), { dryRun: 'All' }).then(
      () => 'created',
      (error: unknown) => (error as KubeError).message,
    );
  await eventually(create, (text) => text === 'created');
});

test.each<[string, () => Promise<KeyPair | undefined>, number]>([
  ['nobody', () => Promise.resolve(undefined), 401],
  [
    'a certificate of another authority',
    async () => client('kube-apiserver', 'client', await createAuthority('other', validity)),
    401,
  ],
  ["another component's certificate of the same authority", () => client('kubelet'), 403],
  ['a server certificate of the same authority (T19)', () => client('kube-apiserver', 'server'), 401],
  ['the right one', () => client('kube-apiserver'), 200],
])('W26: %s posts to the webhook with client authentication', async (_, identity, status) => {
  const answer = await post(strict.port, await identity());
  expect(answer.status).toBe(status);
  if (status !== 200) expect(answer.text).toMatch(/--client-(ca|names)/);
});

test('W26: without client authentication a stranger gets a computed answer, and nothing in the cluster changes', async () => {
  // Published as the strict one is, so that the two do not quarrel.
  const open = await startWebhook(api, { target: () => ({ url: `https://localhost:${strict.port}` }) });
  const kinds = [KINDS.pods, KINDS.secrets, KINDS.configMaps, KINDS.events, KINDS.mutatingWebhooks, KINDS.validatingWebhooks];
  const everything = async (): Promise<string> =>
    JSON.stringify(
      await Promise.all(kinds.map(async (kind) => (await api.client.get<{ items: unknown[] }>(pathOf(kind))).items)),
    );
  const before = await everything();
  const answer = await post(open.port);
  expect([answer.status, (JSON.parse(answer.text) as { response: { allowed: boolean } }).response.allowed]).toEqual([200, true]);
  expect(await everything()).toBe(before);
  await open.stop();
}, 30_000);
