import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { KubeError } from '../../../kube/errors.ts';
import type { KubeClient } from '../../../kube/client.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { plainPod } from '../../build/pod.ts';
import { createReportWriter } from '../../../agent/report/writer.ts';
import { reportStatus } from '../../build/node-report.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { applyPolicies, clientOf, eventually, makeNamespace, makeNode, SERVICE_ACCOUNTS } from '../webhooks/rig.ts';

const CRDS = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
const AGENT = { name: 'podvisor-agent', namespace: 'podvisor-agent' };
const reports = pathOf(KINDS.nodeReports);
const report = (name: string): string => pathOf(KINDS.nodeReports, { name });

let api: ApiServer;
let agent: KubeClient;
let nobody: KubeClient;
let owners: Record<string, object> = {};

beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: [] });
  await makeNamespace(api, AGENT.namespace, 'privileged');
  for (const name of ['node1', 'node2']) await makeNode(api, name, {});
  const text = readFileSync(new URL('../../../manifests/base/crd-nodereports.yaml', import.meta.url), 'utf8');
  await api.client.create(pathOf(CRDS), parse(text) as object);
  await eventually(() => api.client.get(reports).then(() => true, () => false), Boolean); // prettier-ignore
  await applyPolicies(api);
  await clientOf(api, 'agent-rbac.yaml', AGENT.name, AGENT.namespace);
  const pod = plainPod({
    name: 'agent1',
    namespace: AGENT.namespace,
    spec: { nodeName: 'node1', serviceAccountName: AGENT.name },
  });
  await api.client.create(pathOf(KINDS.pods, { namespace: AGENT.namespace }), pod);
  agent = api.as(await token('agent1'));
  nobody = api.as(await token());
  owners = { node1: await ownerOf('node1'), node2: await ownerOf('node2') };
  await eventually(
    () => create(nobody, 'node1'),
    (answer) => answer.includes('its token names no node'),
  );
}, 120_000);

afterAll(() => api.close(), 30_000);

async function token(boundTo?: string): Promise<string> {
  const ref = boundTo === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: boundTo } };
  const path = pathOf(SERVICE_ACCOUNTS, { ...AGENT, subresource: 'token' });
  const spec = { audiences: [], expirationSeconds: 600, ...ref };
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  return (await api.client.create<{ status: { token: string } }>(path, body)).status.token;
}

async function ownerOf(name: string): Promise<object> {
  const { metadata } = await api.client.get<{ metadata: { uid: string } }>(pathOf(KINDS.nodes, { name }));
  return { apiVersion: 'v1', kind: 'Node', name, uid: metadata.uid };
}

/** 'done', or why not. */
async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof KubeError) return error.message;
    throw error;
  }
}

function create(client: KubeClient, name: string, metadata: object = { ownerReferences: [owners[name]] }): Promise<string> {
  const object = { apiVersion: 'podvisor.dev/v1alpha1', kind: 'NodeReport', metadata: { name, ...metadata } };
  return outcome(client.create(reports, object));
}

const fill = (client: KubeClient, name: string, status: object = reportStatus()): Promise<string> =>
  outcome(client.patch(report(name), { type: 'merge', body: { status }, subresource: 'status' }));

const OWN = 'create the NodeReport of its own node';

test('T3: an agent makes and fills the report of its own node and no other', async () => {
  expect(await create(agent, 'node2')).toContain(`${OWN}, owned by that Node, and patch its status (node1)`);
  expect(await create(agent, 'node1')).toBe('done');
  expect(await fill(agent, 'node1')).toBe('done');
  expect(await create(api.client, 'node2')).toBe('done');
  expect(await fill(agent, 'node2')).toContain(OWN);
  expect(await outcome(agent.delete(report('node2')))).toContain('cannot delete resource');
  const stored = await api.client.get<{ status: object; metadata: object }>(report('node1'));
  expect(stored).toMatchObject({ status: reportStatus(), metadata: { ownerReferences: [owners['node1']] } });
});

test('the agent itself makes its report, owned by its Node, fills it and reads it back', async () => {
  await outcome(api.client.delete(report('node1')));
  const writer = createReportWriter(agent, 'node1');
  expect(await writer.load()).toEqual({ exists: false, status: undefined });
  expect(await writer.write(reportStatus())).toBe(false);
  await writer.create();
  await writer.create(); // as when another writer was faster
  expect(await writer.write(reportStatus())).toBe(true);
  const { status } = await eventually(
    () => writer.load(),
    (stored) => stored.status !== undefined,
  );
  expect(status).toEqual(reportStatus());
  expect(await api.client.get(report('node1'))).toMatchObject({ metadata: { ownerReferences: [owners['node1']] } });
});

test.each<[string, () => object]>([
  ['by nobody', () => ({})],
  ['by another node', () => ({ ownerReferences: [owners['node2']] })],
  ['by an earlier node of its name', () => ({ ownerReferences: [{ ...owners['node1'], uid: 'before' }] })],
  ['by two', () => ({ ownerReferences: [owners['node1'], owners['node2']] })],
  ['and held by a finalizer', () => ({ ownerReferences: [owners['node1']], finalizers: ['podvisor.dev/stay'] })],
])('T3: nor may it make a report that is owned %s', async (_, metadata) => {
  await outcome(api.client.delete(report('node1')));
  expect(await create(agent, 'node1', metadata())).toContain(OWN);
});

test('T3: a token that names no node may write no report', async () => {
  await create(api.client, 'node1');
  expect(await fill(nobody, 'node1')).toContain('its token names no node');
});

test('the API server refuses what is not in the schema, bounds included', async () => {
  const zones = Array.from({ length: 65 }, () => reportStatus().zones[0]);
  expect(await fill(api.client, 'node1', reportStatus({ zones: zones as never }))).toContain('must have at most 64 items');
  expect(await fill(api.client, 'node1', reportStatus({ accelerator: 'xen' as never }))).toContain('Unsupported value: "xen"');
});
