import type { GuestSpec } from '../../../api/guest-spec.ts';
import { GUEST_ANNOTATION, PLAN_ANNOTATION, SCHEDULER_NAME, VM_LABEL, VM_LABEL_VALUE } from '../../../api/names.ts';
import type { NodeReportStatus } from '../../../api/node-report.ts';
import type { KubeClient } from '../../../kube/client.ts';
import type { KubeObject } from '../../../kube/objects.ts';
import { guestSpec } from '../../build/guest.ts';
import { report, reportedZone } from '../../build/placement.ts';
import { REPORTS } from './rig.ts';

export const PODS = '/api/v1/namespaces/default/pods';

/** A pod as these tests read it. */
export interface StoredPod extends KubeObject {
  readonly metadata: KubeObject['metadata'] & {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** A node nobody runs; with a status, its report too. Label `round` is the name up to the first dash. */
export async function addNode(
  client: KubeClient,
  name: string,
  allocatable: Record<string, string>,
  status?: NodeReportStatus,
): Promise<void> {
  const labels = { round: name.split('-')[0] };
  await client.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
  const resources = { cpu: '256', memory: '512Gi', pods: '500', 'podvisor.dev/tcg': '500', ...allocatable };
  const body = { status: { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] } };
  await client.patch(`/api/v1/nodes/${name}`, { type: 'merge', body, subresource: 'status' });
  if (status === undefined) return;
  await client.create(REPORTS, { apiVersion: 'podvisor.dev/v1alpha1', kind: 'NodeReport', metadata: { name } });
  await setReport(client, name, status);
}

/** A report of zones with so many huge pages each, all free. */
export function pagesReport(...pages: readonly number[]): NodeReportStatus {
  return report({ zones: pages.map((count, id) => reportedZone(id, count)) });
}

/** What the node's agent would write. */
export async function setReport(client: KubeClient, node: string, status: NodeReportStatus): Promise<void> {
  await client.patch(`${REPORTS}/${node}`, { type: 'merge', body: { status }, subresource: 'status' });
}

/** A pod without its name. */
export interface PodTemplate {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: object;
}

/** What a VM pod is made of, as admission leaves it. `round` chooses the nodes, `label` is its own. */
export function vmTemplate(
  round: string,
  limits: Record<string, string> = {},
  guest: Partial<GuestSpec> = {},
  label = round,
): PodTemplate {
  const annotations = { [GUEST_ANNOTATION]: JSON.stringify(guestSpec({ accelerator: 'tcg', ...guest })) };
  const resources = { limits: { 'podvisor.dev/tcg': '1', cpu: '100m', memory: '128Mi', ...limits } };
  return {
    metadata: { labels: { [VM_LABEL]: VM_LABEL_VALUE, round: label }, annotations },
    spec: { schedulerName: SCHEDULER_NAME, nodeSelector: { round }, containers: [{ name: 'guest', image: 'x', resources }] },
  };
}

/** Creates one pod. */
export function createPod(client: KubeClient, name: string, { metadata, spec }: PodTemplate): Promise<StoredPod> {
  return client.create(PODS, { apiVersion: 'v1', kind: 'Pod', spec, metadata: { ...metadata, name } });
}

/** A VM of so many huge pages. */
export function pagesTemplate(round: string, pages: number): PodTemplate {
  return vmTemplate(round, { 'hugepages-2Mi': `${pages * 2}Mi` }, { hugepages: '2Mi', memoryBytes: pages * 2 ** 21 });
}

/** Creates so many pods at once, named by what the template is for and their number. */
export async function createPods(client: KubeClient, name: string, count: number, template: PodTemplate): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => createPod(client, `${name}-${index}`, template)));
}

/** Pods with label `round`. */
export async function podsOf(client: KubeClient, round: string): Promise<readonly StoredPod[]> {
  return (await client.get<{ items: readonly StoredPod[] }>(PODS, { labelSelector: `round=${round}` })).items;
}

/** Why the scheduler has not placed it yet; '' = it has, or has not tried. */
export function waitingReason({ status }: StoredPod): string {
  return status?.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False')?.message ?? '';
}

/** Sums, by node and zone or function, what plans on the pods promise. */
export function promised(pods: readonly StoredPod[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  const add = (key: string, amount: number): void => {
    sums[key] = (sums[key] ?? 0) + amount;
  };
  for (const { spec, metadata } of pods) {
    if (spec.nodeName === undefined) continue;
    const plan = JSON.parse(metadata.annotations?.[PLAN_ANNOTATION] ?? '{"zones":[],"functions":[]}') as {
      zones: { id: number; amount: number }[];
      functions: string[];
    };
    for (const { id, amount } of plan.zones) add(`${spec.nodeName}/${id}`, amount);
    for (const address of plan.functions) add(`${spec.nodeName}/${address}`, 1);
  }
  return sums;
}

/** Removes pods, nodes and reports of a round. */
export async function removeRound(client: KubeClient, round: string): Promise<void> {
  const query = `labelSelector=round%3D${round}`;
  await client.delete(`${PODS}?${query}`, { gracePeriodSeconds: 0 });
  const nodes = await client.get<{ items: readonly KubeObject[] }>('/api/v1/nodes', { labelSelector: `round=${round}` });
  for (const { metadata } of nodes.items) await client.delete(`${REPORTS}/${metadata.name}`).catch(() => undefined);
  await client.delete(`/api/v1/nodes?${query}`);
}
