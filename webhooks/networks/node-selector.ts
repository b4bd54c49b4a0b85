import type { Attachment } from '../../api/attachments.ts';
import { NODE_SELECTOR_ANNOTATION } from '../../api/attachments.ts';
import { wantedAttachments } from '../../api/parse-networks.ts';
import type { Pod } from '../../api/pod.ts';
import type { Violation } from '../../api/violation.ts';
import type { AdmissionContext } from '../pod/context.ts';

/** A label that a node must have, and who says so. */
interface Wanted {
  readonly label: string;
  readonly value: string;
  readonly by: string;
}

/** The pod on nodes that have its networks; the same pod when there is nothing to add. Conflicts are {@link checkNodeSelector}'s. */
export function withNodeSelector(pod: Pod, context: AdmissionContext): Pod {
  const present = selectorOf(pod);
  const missing = wantedLabels(pod, context).filter(({ label, value }) => present[label] !== value);
  if (missing.length === 0) return pod;
  const added = Object.fromEntries(missing.map(({ label, value }) => [label, value]));
  return { ...pod, spec: { ...pod.spec, nodeSelector: { ...present, ...added } } };
}

/** Nodes that the pod and a network, or two networks, cannot agree on. */
export function checkNodeSelector(pod: Pod, context: AdmissionContext): readonly Violation[] {
  const present = selectorOf(pod);
  const wanted = wantedLabels(pod, context);
  return wanted.flatMap(({ label, value, by }, index) => {
    const own = present[label];
    const field = `spec.nodeSelector[${label}]`;
    if (own !== undefined && own !== value) {
      const message = `${by} is only on nodes with ${label}=${value} (annotation ${NODE_SELECTOR_ANNOTATION}); change one of the two`;
      return [{ field, value: own, message }];
    }
    const other = wanted.slice(0, index).find((one) => one.label === label && one.value !== value);
    if (other === undefined) return [];
    const message = `${other.by} is only on nodes with ${label}=${other.value}, ${by} only with ${label}=${value}: no node has both`;
    return [{ field, message }];
  });
}

/** What a pod of which nothing is missing must be checked for: labels that were taken away again. */
export function missingLabels(pod: Pod, context: AdmissionContext): readonly Violation[] {
  const present = selectorOf(pod);
  return wantedLabels(pod, context)
    .filter(({ label }) => present[label] === undefined)
    .map(({ label, value, by }) => ({
      field: `spec.nodeSelector[${label}]`,
      message: `is missing: ${by} is only on nodes with ${label}=${value}`,
    }));
}

function wantedLabels(pod: Pod, context: AdmissionContext): readonly Wanted[] {
  const { attachments = {} } = context;
  // Few networks are on some nodes alone, and the annotation takes microseconds to read.
  if (Object.values(attachments).every(({ nodeSelector }) => nodeSelector === undefined)) return [];
  return wantedAttachments(pod, context).flatMap((key) => labelsOf(key, attachments[key]));
}

function labelsOf(key: string, attachment: Attachment | undefined): Wanted[] {
  const by = `NetworkAttachmentDefinition '${key}'`;
  return Object.entries(attachment?.nodeSelector ?? {}).map(([label, value]) => ({ label, value, by }));
}

function selectorOf({ spec }: Pod): Readonly<Record<string, string>> {
  return (spec['nodeSelector'] as Readonly<Record<string, string>> | undefined) ?? {};
}
