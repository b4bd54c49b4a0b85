import { NODE_REPORT_KIND, type NodeReport, type NodeReportStatus } from '../../api/node-report.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists, isNotFound } from '../../kube/errors.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { isRecord } from '../../runtime/record.ts';
import type { Stored } from './next-actions.ts';

/** The report of this node at the API server. Every method throws KubeError. */
export interface ReportWriter {
  /** From the API server's cache, which costs etcd nothing. */
  load(): Promise<Stored>;
  /** False = there is no object to fill. */
  write(status: NodeReportStatus): Promise<boolean>;
  create(): Promise<void>;
}

const FIELD_MANAGER = 'podvisor-agent';
const NODE_UID = 'authentication.kubernetes.io/node-uid';
const LISTS = ['machines', 'zones', 'functions', 'vms'];

/** A writer of the report of one node. */
export function createReportWriter(client: KubeClient, nodeName: string): ReportWriter {
  const path = pathOf(KINDS.nodeReports, { name: nodeName });
  return {
    load: async () => {
      try {
        const { status } = await client.get<NodeReport>(path, { resourceVersion: '0' });
        return { exists: true, status: isStatus(status) ? status : undefined };
      } catch (error) {
        if (isNotFound(error)) return { exists: false, status: undefined };
        throw error;
      }
    },
    write: async (status) => {
      try {
        await client.patch(path, { type: 'merge', body: { status }, subresource: 'status', fieldManager: FIELD_MANAGER });
        return true;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    },
    create: async () => {
      const object = reportObject(nodeName, await nodeUid(client));
      await client.create(pathOf(KINDS.nodeReports), object, { fieldManager: FIELD_MANAGER }).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
    },
  };
}

/** What a version with another schema wrote is no report to compare with. */
function isStatus(value: unknown): value is NodeReportStatus {
  if (!isRecord(value) || !isRecord(value['cpu'])) return false;
  const zones: unknown = value['zones'];
  const vms: unknown = value['vms'];
  const whole = (one: unknown): boolean => isRecord(one) && isRecord(one['memory']) && isRecord(one['hugepages']) && Array.isArray(one['distances']); // prettier-ignore
  const isUse = (one: unknown): boolean =>
    isRecord(one) && Array.isArray(one['zones']) && one['zones'].every((zone) => isRecord(zone) && isRecord(zone['hugepages']));
  return (
    LISTS.every((list) => Array.isArray(value[list])) && (zones as unknown[]).every(whole) && (vms as unknown[]).every(isUse)
  );
}

/** Owned by its Node, so that it goes with it. */
function reportObject(name: string, uid: string | undefined): object {
  const owner = { apiVersion: 'v1', kind: 'Node', name, uid };
  const { group, version } = KINDS.nodeReports;
  return {
    apiVersion: `${group}/${version}`,
    kind: NODE_REPORT_KIND,
    metadata: { name, ...(uid === undefined ? {} : { ownerReferences: [owner] }) },
  };
}

/**
 * UID of the node, by what the API server says of our own token: everyone may ask that, and the agent needs no right on nodes. A client that is
 * no pod's has none, and its report no owner.
 */
async function nodeUid(client: KubeClient): Promise<string | undefined> {
  const question = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const answer = await client.create<{ status?: { userInfo?: { extra?: Readonly<Record<string, readonly string[]>> } } }>(
    pathOf(KINDS.selfSubjectReviews),
    question,
  );
  return answer.status?.userInfo?.extra?.[NODE_UID]?.[0];
}
