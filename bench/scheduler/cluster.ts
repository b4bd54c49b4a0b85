import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Pod } from '../../api/pod.ts';
import type { KubeClient } from '../../kube/client.ts';
import { eventually } from '../../test/build/eventually.ts';
import { vmPod, withDefaults } from '../../test/build/pod.ts';
import { report, reportedZone } from '../../test/build/placement.ts';
import { mutated } from '../../test/unit/webhooks/admit.ts';
import { nodeName } from '../lib/nodes.ts';

export const NAMESPACE = 'bench';
export const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const REPORTS = '/apis/podvisor.dev/v1alpha1/nodereports';

/** Calls `act` for 0, 1, … below `count`, as many at once as the client has connections. */
export async function each(count: number, act: (index: number) => Promise<unknown>, from = 0): Promise<void> {
  let next = from;
  const worker = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** The namespace, and the kind of NodeReports. */
export async function prepare(client: KubeClient): Promise<void> {
  await client.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  const text = readFileSync(new URL('../../manifests/base/crd-nodereports.yaml', import.meta.url), 'utf8');
  await client.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', parse(text) as object);
  await eventually('NodeReports are served', () => client.get(REPORTS).then(() => true, () => false)); // prettier-ignore
}

/** Nodes of two zones, Ready for ever: nobody is there who would take that from them. */
export async function addNodes(client: KubeClient, from: number, to: number): Promise<void> {
  const resources = { cpu: '64', memory: '256Gi', pods: '250', 'hugepages-2Mi': '64Gi', 'podvisor.dev/tcg': '110' };
  await each(
    to,
    async (index) => {
      const name = nodeName(index);
      const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `eu-central-1${'abc'[index % 3] ?? ''}` };
      const status = { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] };
      await client.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, status });
      await client.create(REPORTS, { apiVersion: 'podvisor.dev/v1alpha1', kind: 'NodeReport', metadata: { name } });
      const zones = [reportedZone(0, 16_384 - (index % 64), 32), reportedZone(1, 16_384, 32)];
      await client.patch(`${REPORTS}/${name}`, { type: 'merge', body: { status: report({ zones }) }, subresource: 'status' });
    },
    from,
  );
}

/** A VM pod of huge pages as admission makes it. */
export function waitingPod(index: number): Pod {
  const pod = vmPod({
    name: `vm-${index}`,
    namespace: NAMESPACE,
    labels: { app: 'vm' },
    guest: { resources: { limits: { cpu: '100m', 'hugepages-2Mi': '128Mi' } } },
  });
  return mutated(withDefaults(pod), { namespace: NAMESPACE });
}
