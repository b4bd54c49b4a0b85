import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import type { Pod } from '../../../api/pod.ts';
import { KINDS, pathOf, type ResourceKind } from '../../../kube/paths.ts';
import { eventually } from '../../build/eventually.ts';
import { runningVm } from '../../build/vm-pod.ts';
import type { ApiServer } from '../api-server.ts';
import { freePorts } from '../programs.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const NAMESPACE = 'podvisor-system';
const ACCOUNT = 'podvisor-controllers';
const CORE: ResourceKind = { group: '', version: 'v1', plural: 'serviceaccounts' };

/** Where objects of the controllers' manifests go. */
const PLURALS: Readonly<Record<string, ResourceKind>> = {
  ServiceAccount: CORE,
  CustomResourceDefinition: { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' },
  ClusterRole: { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles' },
  ClusterRoleBinding: { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterrolebindings' },
  Role: { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'roles' },
  RoleBinding: { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'rolebindings' },
  ValidatingAdmissionPolicy: { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingadmissionpolicies' },
  ValidatingAdmissionPolicyBinding: {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    plural: 'validatingadmissionpolicybindings',
  },
};

/** Applies a file of manifests/base to an API server without controllers. */
export async function applyBase(api: ApiServer, file: string): Promise<void> {
  for (const document of parseAllDocuments(readFileSync(join(ROOT, 'manifests/base', file), 'utf8'))) {
    const object = document.toJS() as { kind: string; metadata: { namespace?: string } };
    const kind = PLURALS[object.kind];
    if (kind === undefined) throw new Error(`${file}: where does a ${object.kind} go?`);
    const { namespace } = object.metadata;
    await api.client.create(pathOf(kind, namespace === undefined ? {} : { namespace }), object);
  }
}

/** A namespace. */
export async function makeNamespace(api: ApiServer, name: string, labels: Record<string, string> = {}): Promise<void> {
  await api.client.create(pathOf(KINDS.namespaces), { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}

/** A token of the controllers' ServiceAccount: what the manifests allow, no more. */
export async function accountToken(api: ApiServer): Promise<string> {
  const path = pathOf(CORE, { namespace: NAMESPACE, name: ACCOUNT, subresource: 'token' });
  const spec = { audiences: [], expirationSeconds: 3600 };
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  return (await api.client.create<{ status: { token: string } }>(path, body)).status.token;
}

/** One replica: the real process. */
export interface Replica {
  readonly name: string;
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
  ready(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM; its exit code. */
  end(): Promise<number | null>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts controllers/main.ts as the ServiceAccount of the manifests. */
export async function startReplica(api: ApiServer, name: string, ...flags: readonly string[]): Promise<Replica> {
  const kubeconfig = await writeKubeconfig(api, name);
  const [port = 0] = await freePorts(1);
  const args = ['controllers/main.ts', `--kubeconfig=${kubeconfig}`, `--pod-name=${name}`, `--health-port=${port}`, ...flags];
  const child = spawn(join(ROOT, 'dev/node'), args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.resume();
  running.add(child);
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const signal = async (which: NodeJS.Signals): Promise<number | null> => {
    child.kill(which);
    const code = await gone;
    running.delete(child);
    return code;
  };
  const get: Replica['get'] = async (path) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  return {
    name,
    get,
    ready: () =>
      eventually(`${name} is ready`, async () => (await get('/readyz')).status === 200 || undefined).then(() => undefined),
    kill: () => signal('SIGKILL').then(() => undefined),
    end: () => signal('SIGTERM'),
  };
}

async function writeKubeconfig(api: ApiServer, name: string): Promise<string> {
  const config = JSON.parse(readFileSync(api.kubeconfig, 'utf8')) as Record<string, unknown>;
  const file = join(api.directory, `kubeconfig-${name}`);
  await writeFile(file, JSON.stringify({ ...config, users: [{ name: 'admin', user: { token: await accountToken(api) } }] }));
  return file;
}

/** A VM pod as if admission and the kubelet had been there. `mac`: of its interface on network team/blue. */
export async function createVm(api: ApiServer, name: string, mac: string, namespace = 'team'): Promise<void> {
  const networkStatus = JSON.stringify([{ name: 'team/blue', interface: 'net1', mac }]);
  const networks: GuestSpec['networks'] = [
    { name: 'pod', interface: 'eth0', binding: 'masquerade' },
    { name: 'team/blue', interface: 'net1', binding: 'bridge' },
  ];
  const { metadata, status, ...pod } = runningVm({ name, namespace, networks, networkStatus });
  const { labels = {}, annotations = {} } = metadata;
  await api.client.create(pathOf(KINDS.pods, { namespace }), { ...pod, metadata: { name, labels, annotations } });
  const patch = { type: 'merge', body: { status }, subresource: 'status' } as const;
  await api.client.patch(pathOf(KINDS.pods, { namespace, name }), patch);
}

/** A VM pod as it is now. */
export function getVm(api: ApiServer, name: string, namespace = 'team'): Promise<Pod> {
  return api.client.get<Pod>(pathOf(KINDS.pods, { namespace, name }));
}
