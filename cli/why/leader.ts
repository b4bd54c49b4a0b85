import { SCHEDULER_NAME, SYSTEM_NAMESPACE } from '../../api/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNotFound, KubeError } from '../../kube/errors.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { messageOf, PodvisorError } from '../../runtime/errors.ts';

/** The pod with the extender that decides. */
export interface SchedulerPod {
  readonly namespace: string;
  readonly name: string;
}

/** What is missing, and how to give it. */
export const NEEDS_ROLE = `Role podvisor-explain in namespace ${SYSTEM_NAMESPACE} allows it (kubectl -n ${SYSTEM_NAMESPACE} create rolebinding NAME --role=podvisor-explain --user=YOU)`;

/** Whose pod leads, by the Lease of our kube-scheduler. Throws PodvisorError: 'denied', 'unavailable'. */
export async function findLeader(client: KubeClient): Promise<SchedulerPod> {
  const lease = `${SYSTEM_NAMESPACE}/${SCHEDULER_NAME}`;
  const holder = await readHolder(client, lease);
  // kube-scheduler's identity is HOSTNAME_UUID (cmd/kube-scheduler/app/options); a pod's host name is its own.
  const name = holder.slice(0, Math.max(0, holder.lastIndexOf('_')));
  if (name === '')
    throw new PodvisorError(
      'unavailable',
      `no scheduler leads: Lease ${lease} has no holder (kubectl -n ${SYSTEM_NAMESPACE} get pods)`,
    );
  return { namespace: SYSTEM_NAMESPACE, name };
}

async function readHolder(client: KubeClient, lease: string): Promise<string> {
  try {
    const path = pathOf(KINDS.leases, { namespace: SYSTEM_NAMESPACE, name: SCHEDULER_NAME });
    const { spec } = await client.get<{ spec?: { holderIdentity?: string | null } }>(path);
    return spec?.holderIdentity ?? '';
  } catch (error) {
    if (error instanceof KubeError && error.status === 403)
      throw new PodvisorError('denied', `you may not get Lease ${lease}, which says where decisions are made; ${NEEDS_ROLE}`, {
        cause: error,
      });
    if (isNotFound(error)) throw new PodvisorError('unavailable', `no Lease ${lease}: ${ELSEWHERE}`, { cause: error });
    throw new PodvisorError('unavailable', messageOf(error), { cause: error });
  }
}

const ELSEWHERE =
  "is Podvisor installed here? Where the cluster's own scheduler places VMs, say --scheduler-pod NAMESPACE/POD of the extender beside its leader";
