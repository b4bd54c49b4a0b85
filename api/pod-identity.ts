import type { ObjectMeta, OwnerReference, Pod } from './pod.ts';

/** Annotation of an Indexed Job's pods (batch/v1 JobCompletionIndexAnnotation). */
const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';

/**
 * What a VM is called when its pod is made anew, within its namespace: the pod's name where that comes again (bare pods, StatefulSets), the
 * Job's name and the completion index for Indexed Jobs. undefined for pods whose next incarnation has another name (ReplicaSets, other
 * Jobs). The same before and after the API server has made a name out of `generateName`.
 */
export function stableName({ metadata }: Pod): string | undefined {
  const { name, annotations = {}, ownerReferences = [] } = metadata;
  const owner = ownerReferences.find((reference) => reference.controller === true);
  const index = annotations[COMPLETION_INDEX];
  if (owner?.kind === 'Job' && index !== undefined) return `${owner.name}/${index}`;
  return name === '' || isGenerated(metadata, owner) ? undefined : name;
}

/** A StatefulSet, whosever it is, names its pods itself and leaves generateName in them. */
function isGenerated({ generateName = '' }: ObjectMeta, owner: OwnerReference | undefined): boolean {
  return generateName !== '' && owner?.kind !== 'StatefulSet';
}
