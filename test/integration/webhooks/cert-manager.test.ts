import { readdirSync, readFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { parse, parseAllDocuments } from 'yaml';
import type { KubeError } from '../../../kube/errors.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import type { WebhookService } from '../../../webhooks/service.ts';
import { vmPod } from '../../build/pod.ts';
import { groupDirectory, kill, launchFile, type Running } from '../programs.ts';
import { type Bench, clientOf, eventually, startBench, startWebhook } from './rig.ts';

// cert-manager's own controllers (dev/programs/cert-manager, built by `make soak`) and what manifests/overlays/cert-manager asks of them.
const bin = groupDirectory('cert-manager', ['cert-manager']);
const NAMESPACE = 'certified';
const CERTIFICATES = '/apis/cert-manager.io/v1/namespaces/podvisor-system/certificates';
const SECRET = pathOf(KINDS.secrets, { namespace: 'podvisor-system', name: 'podvisor-webhook-tls' });
const LIFETIMES = { authorityMs: 0, leafMs: 0, settleMs: 3000, backdateMs: 0 };
const MINUTE = 60_000;

let bench: Bench;
let replica: WebhookService;
let running: Running | undefined;
let log: FileHandle | undefined;
let counter = 0;

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

async function install(directory: string): Promise<void> {
  const { client } = bench.api;
  for (const file of readdirSync(directory).filter((name) => name.startsWith('cert-manager.io_')))
    await client.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', parse(readFileSync(join(directory, file), 'utf8')) as object); // prettier-ignore
  for (const document of parseAllDocuments(read('manifests/overlays/cert-manager/certificate.yaml'))) {
    const object = document.toJS() as { kind: string; spec: { dnsNames?: string[] } };
    // In a cluster the API server calls the Service; here it is on the same machine.
    object.spec.dnsNames?.unshift('localhost');
    const path = `/apis/cert-manager.io/v1/namespaces/podvisor-system/${object.kind.toLowerCase()}s`;
    await eventually(() => client.create(path, object).then(() => 'made', (error: unknown) => (error as KubeError).message), (text) => text === 'made', MINUTE); // prettier-ignore
  }
}

async function start(): Promise<void> {
  bench = await startBench(NAMESPACE);
  const { api, target } = bench;
  const client = await clientOf(api, 'webhook-rbac.yaml', 'podvisor-webhook');
  replica = await startWebhook(api, { client, target, certificates: 'external', lifetimes: LIFETIMES, waitReady: false, metrics: createMetrics('webhook') }); // prettier-ignore
  bench.balancer.backends = [replica.port];
  await install(join(bin ?? '', 'crds'));
  log = await open(join(api.directory, 'cert-manager.log'), 'a');
  running = launchFile(join(bin ?? '', 'cert-manager'), [api.kubeconfig], log);
}

async function create(): Promise<string> {
  const pod = vmPod({ name: `p${(counter += 1)}`, namespace: NAMESPACE });
  return bench.api.client.create(pathOf(KINDS.pods, { namespace: NAMESPACE }), pod, { dryRun: 'All' }).then(
    () => 'created',
    (error: unknown) => (error as KubeError).message,
  );
}

/** What `cmctl renew` does. */
async function renew(name: string): Promise<void> {
  const now = new Date().toISOString();
  const condition = {
    type: 'Issuing',
    status: 'True',
    reason: 'ManuallyTriggered',
    message: 'by a test',
    lastTransitionTime: now,
  };
  const { status = {} } = await bench.api.client.get<{ status?: { conditions?: { type: string }[] } }>(`${CERTIFICATES}/${name}`);
  const conditions = [...(status.conditions ?? []).filter(({ type }) => type !== 'Issuing'), condition];
  await bench.api.client.patch(`${CERTIFICATES}/${name}`, {
    type: 'merge',
    body: { status: { conditions } },
    subresource: 'status',
  });
}

async function stored(): Promise<X509Certificate> {
  const { data } = await bench.api.client.get<{ data: Record<string, string> }>(SECRET);
  return new X509Certificate(Buffer.from(data['tls.crt'] ?? '', 'base64'));
}

async function served(): Promise<X509Certificate> {
  const socket = connect({ host: 'localhost', port: replica.port, servername: 'localhost', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return new X509Certificate(raw);
}

async function publishedTrust(): Promise<string> {
  const path = pathOf(KINDS.mutatingWebhooks, { name: 'podvisor' });
  const { webhooks } = await bench.api.client.get<{ webhooks: [{ clientConfig: { caBundle: string } }] }>(path);
  return Buffer.from(webhooks[0].clientConfig.caBundle, 'base64').toString();
}

if (bin === undefined) test.skip('cert-manager is not built: dev/programs/build cert-manager', () => undefined);
else {
  beforeAll(start, 3 * MINUTE);
  afterAll(async () => {
    await kill(running);
    await log?.close();
    await bench.stop([replica]);
  }, MINUTE);

  test(
    'cert-manager issues what the overlay asks for, and VM pods are admitted with it',
    async () => {
      await eventually(create, (text) => text === 'created', MINUTE);
      expect((await served()).fingerprint256).toBe((await stored()).fingerprint256);
      expect((await stored()).issuer).toBe('CN=podvisor-webhook-ca');
    },
    2 * MINUTE,
  );

  test.each(['podvisor-webhook', 'podvisor-webhook-ca'])(
    '%s is renewed by cert-manager without one refused pod',
    async (name) => {
      const failures: string[] = [];
      const before = { leaf: (await stored()).fingerprint256, trust: await publishedTrust() };
      await renew(name);
      const load = async (): Promise<boolean> => {
        const outcome = await create();
        if (outcome !== 'created') failures.push(outcome);
        const leaf = (await served()).fingerprint256;
        const isNew = name === 'podvisor-webhook' ? leaf !== before.leaf : (await publishedTrust()) !== before.trust;
        return isNew && leaf === (await stored()).fingerprint256;
      };
      // A new authority reaches the leaf at the leaf's own renewal, which is when cert-manager writes the new ca.crt beside it.
      if (name === 'podvisor-webhook-ca')
        await eventually(caRenewed(before.trust), (done) => done, MINUTE).then(() => renew('podvisor-webhook'));
      await eventually(load, (done) => done, MINUTE);
      for (let round = 0; round < 50; round++) await load();
      expect(failures).toEqual([]);
    },
    3 * MINUTE,
  );
}

/** Whether the authority's Secret holds another certificate than is published. */
function caRenewed(trust: string): () => Promise<boolean> {
  return async () => {
    const path = pathOf(KINDS.secrets, { namespace: 'podvisor-system', name: 'podvisor-webhook-ca' });
    const { data } = await bench.api.client.get<{ data: Record<string, string> }>(path);
    return !trust.includes(
      Buffer.from(data['tls.crt'] ?? '', 'base64')
        .toString()
        .trim(),
    );
  };
}
