import { isRefusal } from '../../api/kubelet-refusal.ts';
import { REFUSED } from '../../api/names.ts';
import type { KubeObject } from '../../kube/objects.ts';

/** A VM pod that a kubelet refused after it was bound, and that nobody makes again. */
export interface RefusedVm {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** The kubelet's, such as `OutOfcpu`. */
  readonly reason: string;
  /** For the person at kubectl: what happened and what to do. */
  readonly message: string;
  /** The pod says so already. */
  readonly told: boolean;
}

interface FailedPod extends KubeObject {
  readonly metadata: KubeObject['metadata'] & {
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly controller?: boolean }[];
  };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly { readonly type: string }[];
  };
}

/** The kubelet's own words are short; more than that is cut. */
const MAX_WORDS = 300;

/** What to keep of a failed VM pod; undefined for one that was not refused, that a controller makes again, or that is being deleted. */
export function refusedVm(raw: KubeObject): RefusedVm | undefined {
  const { metadata, spec, status = {} } = raw as FailedPod;
  const { uid, namespace, name } = metadata;
  const { reason } = status;
  if (uid === undefined || namespace === undefined || reason === undefined) return undefined;
  if (status.phase !== 'Failed' || !isRefusal(reason) || !isForgotten(metadata)) return undefined;
  const told = (status.conditions ?? []).some(({ type }) => type === REFUSED);
  return { uid, namespace, name, reason, message: messageFor(spec?.nodeName, status.message), told };
}

/** Nobody makes it again, and nobody has dealt with it. */
function isForgotten({ ownerReferences = [], deletionTimestamp }: FailedPod['metadata']): boolean {
  return deletionTimestamp === undefined && !ownerReferences.some(({ controller }) => controller === true);
}

function messageFor(node = 'its node', words = ''): string {
  const what = `The kubelet of ${node} did not take this VM (${words.slice(0, MAX_WORDS)}).`;
  const advice =
    'Nobody makes a bare pod again: delete it and create it again from its manifest (kubectl replace --force -f FILE), or have a Deployment, StatefulSet or Job make it.';
  return `${what} ${advice}`;
}
