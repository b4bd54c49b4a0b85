import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { ResourceKind } from '../../../kube/paths.ts';
import { plainPod } from '../../build/pod.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { applyPolicies, eventually, makeNamespace, makeNode, policiesInForce, SERVICE_ACCOUNTS } from './rig.ts';

const rbac = (plural: string): ResourceKind => ({ group: 'rbac.authorization.k8s.io', version: 'v1', plural });
const AGENT = { name: 'podvisor-agent', namespace: 'podvisor-agent' };

let api: ApiServer;

beforeAll(async () => {
  api = await startApiServer({ withoutAdmission: [] });
  for (const name of ['podvisor-agent', 'team']) await makeNamespace(api, name, 'privileged');
  for (const name of ['node1', 'node2']) await makeNode(api, name, {});
  await applyPolicies(api);
  await api.client.create(pathOf(SERVICE_ACCOUNTS, { namespace: AGENT.namespace }), {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: AGENT,
  });
  const rules = [{ apiGroups: [''], resources: ['pods', 'pods/status'], verbs: ['get', 'patch', 'update', 'delete'] }];
  await api.client.create(pathOf(rbac('clusterroles')), {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'agent' },
    rules,
  });
  await api.client.create(pathOf(rbac('clusterrolebindings')), {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'agent' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'agent' },
    subjects: [{ kind: 'ServiceAccount', ...AGENT }],
  });
  const pod = (name: string, namespace: string, nodeName?: string): object =>
    plainPod({
      name,
      namespace,
      spec: {
        ...(nodeName === undefined ? {} : { nodeName }),
        serviceAccountName: namespace === 'team' ? 'default' : 'podvisor-agent',
      },
    });
  await api.client.create(pathOf(KINDS.pods, { namespace: 'podvisor-agent' }), pod('agent1', 'podvisor-agent', 'node1'));
  await api.client.create(pathOf(KINDS.pods, { namespace: 'team' }), pod('here', 'team', 'node1'));
  await api.client.create(pathOf(KINDS.pods, { namespace: 'team' }), pod('there', 'team', 'node2'));
  await api.client.create(pathOf(KINDS.pods, { namespace: 'team' }), pod('nowhere', 'team'));
  await policiesInForce(api, 'team');
}, 120_000);

afterAll(() => api.close(), 30_000);

async function token(boundTo?: string): Promise<string> {
  const ref = boundTo === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: boundTo } };
  const path = pathOf(SERVICE_ACCOUNTS, { namespace: AGENT.namespace, name: AGENT.name, subresource: 'token' });
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [], expirationSeconds: 600, ...ref },
  };
  return (await api.client.create<{ status: { token: string } }>(path, body)).status.token;
}

const STATUS = { status: { conditions: [{ type: 'podvisor.dev/guest-ready', status: 'True' }] } };

async function patch(bearer: string, name: string, subresource: string | undefined, body: object = STATUS): Promise<string> {
  const client = api.as(bearer);
  return client
    .patch(pathOf(KINDS.pods, { namespace: 'team', name }), {
      type: 'strategic',
      body,
      ...(subresource === undefined ? {} : { subresource }),
    })
    .then(
      () => 'done',
      (error: unknown) => (error as Error).message,
    );
}

test('T3: an agent patches the status of pods on its own node and nothing else', async () => {
  const bearer = await token('agent1');
  await eventually(
    () => patch(bearer, 'here', 'status'),
    (text) => text === 'done',
  );
  expect(await patch(bearer, 'there', 'status')).toContain('only patch the status of pods on its own node (node1)');
  expect(await patch(bearer, 'nowhere', 'status')).toContain('on its own node (node1)');
  expect(await patch(bearer, 'here', undefined, { metadata: { labels: { a: 'b' } } })).toContain('on its own node (node1)');
  const deletion = api.as(bearer).delete(pathOf(KINDS.pods, { namespace: 'team', name: 'here' }));
  await expect(deletion).rejects.toThrow('on its own node (node1)');
});

test('T3: a token that names no node may patch nothing', async () => {
  expect(await patch(await token(), 'here', 'status')).toContain('its token names no node');
});

test('others are not concerned', async () => {
  expect(await patch(api.token, 'there', 'status')).toBe('done');
});
