import { VM_LABEL, VM_LABEL_VALUE } from '../../api/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNotFound, KubeError } from '../../kube/errors.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { messageOf, PodvisorError } from '../../runtime/errors.ts';

/** What the API server says of the pod. */
export interface SeenPod {
  readonly uid: string;
  /** '' = none yet. */
  readonly node: string;
  readonly isVm: boolean;
  /** Condition PodScheduled in words; '' = there is none. */
  readonly scheduled: string;
}

interface RawPod {
  readonly metadata?: { readonly uid?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** Reads it; undefined = there is none. Throws PodvisorError: 'denied', 'unavailable'. */
export async function readPod(client: KubeClient, namespace: string, name: string): Promise<SeenPod | undefined> {
  try {
    return seen(await client.get<RawPod>(pathOf(KINDS.pods, { namespace, name })));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    const isDenied = error instanceof KubeError && [401, 403].includes(error.status);
    throw new PodvisorError(isDenied ? 'denied' : 'unavailable', messageOf(error), { cause: error });
  }
}

function seen({ metadata = {}, spec = {}, status = {} }: RawPod): SeenPod {
  const scheduled = status.conditions?.find(({ type }) => type === 'PodScheduled');
  return {
    uid: metadata.uid ?? '',
    node: spec.nodeName ?? '',
    isVm: metadata.labels?.[VM_LABEL] === VM_LABEL_VALUE,
    scheduled: scheduled === undefined ? '' : conditionText(scheduled),
  };
}

function conditionText({ status = 'Unknown', ...condition }: Condition): string {
  const since = optional(' since ', condition.lastTransitionTime);
  const reason = condition.reason === undefined ? '' : ` (${condition.reason})`;
  return `PodScheduled is ${status}${since}${reason}${optional(': ', condition.message)}`;
}

function optional(before: string, text: string | undefined): string {
  return text === undefined || text === '' ? '' : before + text;
}
