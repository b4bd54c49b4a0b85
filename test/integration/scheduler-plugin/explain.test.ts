import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Explanation } from '../../../api/explanation.ts';
import { issuePodLocal } from '../../../certs/pod-local.ts';
import type { HttpKubeClient } from '../../../kube/http-client.ts';
import { realClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createDecisions } from '../../../scheduler-plugin/decisions.ts';
import { type ExplainServer, startExplainServer } from '../../../scheduler-plugin/explain/start.ts';
import { eventually } from '../../build/eventually.ts';
import { explainedWorld, wanted, zone } from '../../build/placement.ts';
import { createTestCa, type TestCa } from '../../build/tls.ts';
import { startApiServer, type ApiServer } from '../api-server.ts';
import { applyBase, makeNamespace } from '../controllers/rig.ts';

/** The explain server with the rights of manifests/base, and callers that the API server itself judges. */
let api: ApiServer;
let clients: TestCa;
let extender: HttpKubeClient;
let server: ExplainServer;
let directory: string;

const ROOM = { zones: [zone(0, 32)], functions: [] };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podvisor-explain-'));
  clients = await createTestCa('cluster-clients');
  await writeFile(join(directory, 'clients.crt'), clients.certPem);
  api = await startApiServer({ flags: [`--client-ca-file=${join(directory, 'clients.crt')}`] });
  for (const namespace of ['podvisor-system', 'team-a', 'team-b']) await makeNamespace(api, namespace);
  await applyBase(api, 'scheduler-rbac.yaml');
  await applyBase(api, 'explain-rbac.yaml');
  await makeReader('team-a');
  extender = api.as(await tokenOf('podvisor-system', 'podvisor-scheduler'));
  const { server: pair, caPem } = await issuePodLocal({ names: ['127.0.0.1'], now: Date.now() });
  const decisions = createDecisions(() => Date.now());
  const pod = { metadata: { name: 'vm', namespace: 'team-a', uid: 'uid-vm' } };
  decisions.filtered(pod, [{ name: 'a', reason: 'too few pages' }], wanted({ memory: '2Mi', amount: 64 }));
  const common = { client: extender, clock: realClock, random: Math.random, log: silentLog, host: '127.0.0.1', port: 0 };
  server = await startExplainServer({ ...common, server: pair, caPem, decisions, world: explainedWorld(ROOM) });
  // The API server makes its own roles, system:kube-scheduler among them, a moment after its start.
  await eventually('the rights are there', async () => (await ask({ token: api.token })).status === 200);
}, 120_000);

afterAll(async () => {
  await server.stop();
  extender.close();
  await api.close();
  await rm(directory, { recursive: true, force: true });
}, 30_000);

/** ServiceAccount `reader` of the namespace may get its pods; ServiceAccount `other` nothing. */
async function makeReader(namespace: string): Promise<void> {
  for (const name of ['reader', 'other'])
    await api.client.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
  await api.client.create(`${rbac}/roles`, { metadata: { name: 'reader' }, rules });
  await api.client.create(`${rbac}/rolebindings`, {
    metadata: { name: 'reader' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    subjects: [
      { kind: 'ServiceAccount', name: 'reader', namespace },
      { kind: 'User', name: 'ann', apiGroup: 'rbac.authorization.k8s.io' },
    ],
  });
}

async function tokenOf(namespace: string, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
  return (await api.client.create<{ status: { token: string } }>(path, body)).status.token;
}

interface Reply {
  readonly status: number;
  readonly body: Partial<Explanation> & { readonly reason?: string };
}

function ask(options: RequestOptions & { token?: string }, path = '/explain/team-a/vm'): Promise<Reply> {
  const { token, ...rest } = options;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const all = { host: '127.0.0.1', port: server.port, path, rejectUnauthorized: false, agent: false, headers, ...rest };
    request(all, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Reply['body'] }));
    })
      .on('error', reject)
      .end();
  });
}

async function certificateOf(ca: TestCa, name: string): Promise<RequestOptions> {
  const { certPem, keyPem } = await ca.issue(name);
  return { cert: certPem, key: keyPem };
}

test("T26: a ServiceAccount that may get the pod reads its decision by its token, and nothing of nodes' names", async () => {
  const { status, body } = await ask({ token: await tokenOf('team-a', 'reader') });
  expect(status).toBe(200);
  expect(body).toMatchObject({ pod: 'team-a/vm', refused: [{ reason: 'too few pages', count: 1, nodes: [] }], nodes: [] });
  expect(body.hidden).toContain('nodereports');
});

test('T26: a ServiceAccount of the same namespace without the right is told 403 and which right', async () => {
  const { status, body } = await ask({ token: await tokenOf('team-a', 'other') });
  expect(status).toBe(403);
  expect(body.reason).toContain('user "system:serviceaccount:team-a:other" may not get pod vm in namespace team-a');
});

test('a right in one namespace is none in another', async () => {
  expect((await ask({ token: await tokenOf('team-a', 'reader') }, '/explain/team-b/vm')).status).toBe(403);
});

test('a cluster admin sees the nodes too, and is told when nothing was decided', async () => {
  const { status, body } = await ask({ token: api.token });
  expect(status).toBe(200);
  expect(body.nodes).toEqual([expect.objectContaining({ name: 'a', zones: ROOM.zones })]);
  expect((await ask({ token: api.token }, '/explain/team-b/vm')).status).toBe(404);
});

test('T26: a made-up token, and a token of another audience, are nobody', async () => {
  const path = '/api/v1/namespaces/team-a/serviceaccounts/reader/token';
  const spec = { audiences: ['somebody-else'], expirationSeconds: 3600 };
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  const { token } = (await api.client.create<{ status: { token: string } }>(path, body)).status;
  expect((await ask({ token })).status).toBe(401);
  expect((await ask({ token: 'made-up' })).status).toBe(401);
  expect((await ask({})).status).toBe(401);
});

test('T26: a client certificate of the authority that the API server publishes counts, one of another does not', async () => {
  const ann = await certificateOf(clients, 'ann');
  await eventually('the certificate is taken', async () => (await ask(ann)).status === 200, 10_000);
  expect((await ask(await certificateOf(clients, 'bob'))).status).toBe(403);
  expect((await ask(await certificateOf(await createTestCa('cluster-clients'), 'ann'))).status).toBe(401);
});

test('a certificate with the group of cluster admins may see everything', async () => {
  const admin = await certificateOf(clients, 'root, O=system:masters');
  expect((await ask(admin)).body.nodes).toHaveLength(1);
});
