import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { eventually } from '../build/eventually.ts';
import { apply, dryRun, getJson, kubectl, tryKubectl } from './harness/kubectl.ts';
import { component, onLocalCluster, onNode, repositoryRoot } from './harness/local.ts';
import { plainPod, PLAIN, vmPod } from './harness/objects.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';
import { deletePod, getPod, guestReport, guestStatus, waitReady } from './harness/vm.ts';

const ns = useNamespace('e2e-cni');
const NODES = ['node1', 'node2'] as const;
const CONFIG = join(repositoryRoot, '.cluster', 'config');
const FILE = 'multus.conf';
const WEBHOOKS = ['-n', 'podvisor-system', '-l', 'app.kubernetes.io/name=podvisor-webhook'];
const NETWORK = ['-n', 'kube-system', '-l', 'app=e2e-cni'];

/**
 * The local cluster's CNI configuration lies on its nodes. Here it is brought there by pods, as most networks' DaemonSets do: on the node's
 * own network, written when the pod starts and taken away when it ends.
 */
const INSTALL = `trap 'rm -f /cni/${FILE}; exit 0' TERM; cp /files/$NODE /cni/new && mv /cni/new /cni/${FILE}; while :; do sleep 1 & wait $!; done`;
const installer = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'e2e-cni', namespace: 'kube-system' },
  spec: {
    selector: { matchLabels: { app: 'e2e-cni' } },
    template: {
      metadata: { labels: { app: 'e2e-cni' } },
      spec: {
        hostNetwork: true,
        terminationGracePeriodSeconds: 5,
        tolerations: [{ operator: 'Exists' }],
        containers: [
          {
            name: 'install',
            image: PLAIN,
            command: ['sh', '-c', INSTALL],
            env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
            securityContext: { runAsUser: 0 },
            volumeMounts: [
              { name: 'files', mountPath: '/files' },
              { name: 'config', mountPath: '/cni', subPathExpr: '$(NODE)/cni' },
            ],
          },
        ],
        volumes: [
          { name: 'files', configMap: { name: 'e2e-cni' } },
          { name: 'config', hostPath: { path: CONFIG } },
        ],
      },
    },
  },
};

const saved: Record<string, string> = {};
const configOn = (node: string): Promise<string> =>
  onNode(node, 'sh', '-c', `cat ${CONFIG}/${node}/cni/${FILE} 2>/dev/null || true`);

if (onLocalCluster) {
  beforeAll(async () => {
    for (const node of NODES) saved[node] = readFileSync(join(CONFIG, node, 'cni', FILE), 'utf8');
    const files = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'e2e-cni', namespace: 'kube-system' }, data: saved };
    await apply('kube-system', files, installer);
    await kubectl(['rollout', 'status', 'daemonset/e2e-cni', '-n', 'kube-system', '--timeout=90s']);
    await apply(ns, vmPod('steady'), plainPod('client', undefined, { hostNetwork: false }));
    await waitReady(ns, 'steady');
    await waitReady(ns, 'client');
  }, 240_000);
  afterAll(async () => {
    await component('start', 'kube-controller-manager');
    await kubectl(['delete', 'daemonset,configmap', 'e2e-cni', '-n', 'kube-system', '--ignore-not-found', '--timeout=60s']);
    await tryKubectl(['wait', '--for=delete', 'pod', ...NETWORK, '--timeout=60s']);
    for (const node of NODES) await onNode(node, 'sh', '-c', `printf %s "$0" > ${CONFIG}/${node}/cni/${FILE}`, saved[node]!);
    await tryKubectl(['wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=90s']);
    await tryKubectl(['delete', 'pod', 'steady', '-n', ns, '--timeout=60s']);
  }, 300_000);
}

interface Nodes {
  readonly items: readonly {
    readonly status: { readonly conditions: readonly { type: string; status: string; message: string }[] };
  }[];
}

/** What each node says of its readiness. */
async function readiness(): Promise<string[]> {
  const { items } = await getJson<Nodes>(['nodes']);
  return items.map(({ status }) => {
    const ready = status.conditions.find(({ type }) => type === 'Ready');
    return `${ready?.status ?? ''} ${ready?.message ?? ''}`;
  });
}

localVmTest(
  'W8: the pods of the network and of the webhook are deleted together: both come back without a manual step, and a running guest notices nothing',
  ns,
  async () => {
    const ip = (await getPod(ns, 'steady')).status.podIP!;
    const before = (await guestReport(ns, 'client', ip))['boot_id'];
    // Nobody makes new pods until the fault has shown on both nodes.
    await component('stop', 'kube-controller-manager');
    await Promise.all([
      kubectl(['delete', 'pods', ...NETWORK, '--timeout=60s']),
      // By force: what is left of them on the node cannot go before there is a network again.
      kubectl(['delete', 'pods', ...WEBHOOKS, '--force', '--grace-period=0', '--wait=false']),
    ]);
    for (const node of NODES) expect(await configOn(node)).toBe('');
    await eventually('both nodes have no network', async () =>
      (await readiness()).every((text) => text.startsWith('False') && text.includes('cni')),
    );
    expect((await dryRun(ns, vmPod('refused'))).stderr).toMatch(/failed calling webhook|no endpoints available/);
    expect((await dryRun('kube-system', plainPod('admitted'))).code).toBe(0);

    await component('start', 'kube-controller-manager');
    await kubectl(['rollout', 'status', 'daemonset/e2e-cni', '-n', 'kube-system', '--timeout=120s'], { timeoutMs: 130_000 });
    await kubectl(['wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=60s']);
    await kubectl(['rollout', 'status', 'deployment/podvisor-webhook', '-n', 'podvisor-system', '--timeout=120s'], {
      timeoutMs: 130_000,
    });
    await eventually('VM pods are admitted', async () => (await dryRun(ns, vmPod('admitted'))).code === 0);
    await apply(ns, vmPod('after'));
    await waitReady(ns, 'after');
    expect((await guestReport(ns, 'client', ip))['boot_id']).toBe(before);
    expect(guestStatus(await getPod(ns, 'steady')).restartCount).toBe(0);
    await deletePod(ns, 'after');
  },
  480_000,
);
