import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import type { KubeError } from '../../../kube/errors.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { createAuthority, issueLeaf } from '../../../certs/x509.ts';
import type { KeyPair } from '../../../runtime/certificate.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { PROBE_PATH } from '../../../webhooks/names.ts';
import { probeSelf } from '../../../webhooks/publish/self-probe.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { vmPod } from '../../build/pod.ts';
import type { ApiServer } from '../api-server.ts';
import { type Bench, clientOf, eventually, published, startBench, startWebhook } from './rig.ts';

const NAMESPACE = 'free';
const SECRETS = { namespace: 'podvisor-system' };
const SECRET = pathOf(KINDS.secrets, { ...SECRETS, name: 'podvisor-webhook-tls' });
const LIFETIMES = { authorityMs: 0, leafMs: 0, settleMs: 3000, backdateMs: 0 };
const DNS_NAMES = ['localhost', 'podvisor-webhook.podvisor-system.svc'];

let bench: Bench;
let api: ApiServer;
let replicas: WebhookService[];
const metrics = createMetrics('webhook');
let authority: KeyPair;
let counter = 0;

/** What cert-manager does with a Certificate: a Secret of type kubernetes.io/tls with ca.crt, tls.crt, tls.key, and no authority's key. */
async function issue(change: { newAuthority?: boolean; dnsNames?: readonly string[] } = {}): Promise<string> {
  const now = Date.now();
  const validity = { notBefore: now, notAfter: now + 3_600_000 };
  if (change.newAuthority === true) authority = await createAuthority(`fake-cert-manager-${(counter += 1)}`, validity);
  const leaf = await issueLeaf(authority, {
    ...validity,
    commonName: '',
    usage: 'server',
    dnsNames: change.dnsNames ?? DNS_NAMES,
  });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const data = { 'ca.crt': base64(authority.certPem), 'tls.crt': base64(leaf.certPem), 'tls.key': base64(leaf.keyPem) };
  const body = { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name: 'podvisor-webhook-tls' }, data };
  await api.client
    .replace(SECRET, body)
    .catch(() => api.client.create(pathOf(KINDS.secrets, SECRETS), { ...body, metadata: { ...body.metadata, ...SECRETS } }));
  return leaf.certPem;
}

beforeAll(async () => {
  bench = await startBench(NAMESPACE);
  ({ api } = bench);
  const client = await clientOf(api, 'webhook-rbac.yaml', 'podvisor-webhook');
  const { target } = bench;
  const options = { client, target, certificates: 'external', lifetimes: LIFETIMES, waitReady: false } as const;
  replicas = await Promise.all([startWebhook(api, { ...options, metrics }), startWebhook(api, options)]);
  bench.balancer.backends = replicas.map((replica) => replica.port);
}, 120_000);

afterAll(() => bench.stop(replicas), 60_000);

async function create(): Promise<string> {
  const pod = vmPod({ name: `p${(counter += 1)}`, namespace: NAMESPACE });
  return api.client.create(pathOf(KINDS.pods, { namespace: NAMESPACE }), pod, { dryRun: 'All' }).then(
    () => 'created',
    (error: unknown) => (error as KubeError).message,
  );
}

async function publishedTrust(): Promise<string> {
  const path = pathOf(KINDS.mutatingWebhooks, { name: 'podvisor' });
  const { webhooks } = await api.client.get<{ webhooks: [{ clientConfig: { caBundle: string } }] }>(path);
  return Buffer.from(webhooks[0].clientConfig.caBundle, 'base64').toString();
}

/** A new connection to each replica with what is published: '' each. The API server's own are kept alive and would hide a bad certificate. */
async function handshakes(): Promise<string[]> {
  const trust = await publishedTrust();
  const probe = ({ port }: WebhookService): Promise<string> =>
    probeSelf({ host: 'localhost', port, serverName: 'localhost', path: PROBE_PATH, trust });
  return Promise.all(replicas.map(probe));
}

/** What a new connection is shown. */
async function servedFingerprint(port: number): Promise<string> {
  const socket = connect({ host: 'localhost', port, servername: 'localhost', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

test('without the Secret nothing is published, nothing is written, and readiness says who has to write it', async () => {
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(await published(api)).toBe(false);
  await expect(api.client.get(SECRET)).rejects.toMatchObject({ status: 404 });
  expect(replicas[0]!.ready()).toContain('Secret podvisor-system/podvisor-webhook-tls does not exist');
});

test('a certificate for other names is refused, and the log of readiness says so', async () => {
  await issue({ newAuthority: true, dnsNames: ['elsewhere'] });
  await eventually(
    () => replicas[0]!.ready(),
    (reason) => reason.includes('tls.crt is not valid for localhost'),
  );
});

test('once cert-manager has written it, it is served and its authority is published', async () => {
  await issue();
  await eventually(create, (text) => text === 'created');
  expect(await publishedTrust()).toBe(authority.certPem);
  expect(await handshakes()).toEqual(['', '']);
});

test('W19: a renewed certificate is served by every replica within 5 s, without a restart', async () => {
  const renewed = new X509Certificate(await issue()).fingerprint256;
  for (const { port } of replicas)
    await eventually(
      () => servedFingerprint(port),
      (fingerprint) => fingerprint === renewed,
      5000,
    );
});

test('W18: cert-manager renews certificate and authority under load without one failure, and old authorities go in the end', async () => {
  const failures: string[] = [];
  const first = authority.certPem;
  const load = { on: true };
  const running = (async () => {
    while (load.on) {
      const results = [await create(), ...(await handshakes())];
      failures.push(...results.filter((text) => text !== 'created' && text !== ''));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  })();
  for (const newAuthority of [false, true, false, true]) {
    await issue({ newAuthority });
    await new Promise((resolve) => setTimeout(resolve, newAuthority ? 5000 : 1500));
  }
  await eventually(publishedTrust, (trust) => trust === authority.certPem, 15_000);
  load.on = false;
  await running;
  expect(failures).toEqual([]);
  expect(authority.certPem).not.toBe(first);
}, 60_000);

test('W22: a Secret that is deleted or spoilt by somebody changes nothing for API servers, and nothing of ours writes it', async () => {
  await api.client.patch(SECRET, { type: 'merge', body: { data: { 'tls.key': 'aGVsbG8=' } } });
  for (let round = 0; round < 20; round++) expect([await create(), ...(await handshakes())]).toEqual(['created', '', '']);
  await api.client.delete(SECRET);
  for (let round = 0; round < 20; round++) expect([await create(), ...(await handshakes())]).toEqual(['created', '', '']);
  await expect(api.client.get(SECRET)).rejects.toMatchObject({ status: 404 });
  await issue({ newAuthority: true });
  await eventually(publishedTrust, (trust) => trust.startsWith(authority.certPem));
  await eventually(
    async () => (await handshakes()).join(),
    (text) => text === ',',
  );
}, 30_000);

test('expiry and last rotation are metrics', async () => {
  const text = await metrics.registry.metrics();
  for (const line of [
    'expiry_timestamp_seconds{name="webhook"}',
    'expiry_timestamp_seconds{name="webhook-ca"}',
    'last_rotation_timestamp_seconds{name="webhook"}',
  ])
    expect(text).toMatch(new RegExp(`podvisor_certificate_${line.replaceAll(/[{}]/g, '\\$&')} \\d{10}`));
});
