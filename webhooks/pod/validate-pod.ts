import { parseHotplugged } from '../../api/hotplugged-claims.ts';
import { GUEST_ANNOTATION, HOTPLUGGED_ANNOTATION, VM_LABEL, VM_LABEL_VALUE } from '../../api/names.ts';
import { readStoredGuest } from '../../api/parse-stored.ts';
import type { Container, Pod } from '../../api/pod.ts';
import { annotationField } from '../../api/violation.ts';
import type { Violation } from '../../api/violation.ts';
import { checkEphemeralUse, checkForeignUse } from './check-foreign-use.ts';
import type { AdmissionContext, Verdict } from './context.ts';
import { differences } from './differences.ts';
import { verifyGuest } from './verify-guest.ts';

const LABEL_FIELD = `metadata.labels[${VM_LABEL}]`;

/** A pod at CREATE, after all mutations: it must be what its GuestSpec says, whoever changed it since. */
export function validatePod(pod: Pod, context: AdmissionContext): Verdict {
  const label = pod.metadata.labels?.[VM_LABEL];
  if (label !== VM_LABEL_VALUE) return refuse([wrongLabel(label)]);
  return refuse([...checkForeignUse(pod), ...verifyGuest(pod, context)]);
}

/** An UPDATE of the pod itself. Pods are all but immutable; what is left must not turn a VM into a container or the reverse. */
export function validateUpdate(old: Pod, pod: Pod): Verdict {
  return { violations: UPDATE_CHECKS.flatMap((check) => check(old, pod)), warnings: [] };
}

/** `kubectl debug`: containers may join, but not share the guest's disk. */
export function validateEphemeralContainers(_old: Pod, pod: Pod): Verdict {
  return refuse(checkEphemeralUse(pod));
}

/** `kubectl patch --subresource resize`: containers beside the guest may be resized; a guest cannot grow yet. */
export function validateResize(old: Pod, pod: Pod): Verdict {
  const stored = readStoredGuest(old);
  if (!stored.ok) return refuse([]);
  const before = named(old, stored.guest.container)?.resources ?? {};
  const after = named(pod, stored.guest.container)?.resources ?? {};
  const path = `spec.containers[${old.spec.containers.findIndex(({ name }) => name === stored.guest.container)}].resources.`;
  const message = 'a running guest cannot be resized yet; delete the pod and create it with the new size';
  return refuse(differences(before, after, path).map((field) => ({ field, message })));
}

type UpdateCheck = (old: Pod, pod: Pod) => readonly Violation[];

const UPDATE_CHECKS: readonly UpdateCheck[] = [checkLabelKept, checkSpecKept, checkHotplugged, checkImageKept];

function checkLabelKept(old: Pod, pod: Pod): readonly Violation[] {
  const before = old.metadata.labels?.[VM_LABEL];
  const after = pod.metadata.labels?.[VM_LABEL];
  if (before === after) return [];
  if (before !== VM_LABEL_VALUE) {
    const message = 'a plain pod cannot become a VM after it was created; delete it and create it with the label';
    return [{ field: LABEL_FIELD, ...shown(after), message }];
  }
  const message = `a VM pod keeps its label ("${VM_LABEL_VALUE}") as long as it exists; delete the pod instead`;
  return [{ field: LABEL_FIELD, ...shown(after), message }];
}

function checkSpecKept(old: Pod, pod: Pod): readonly Violation[] {
  if (old.metadata.annotations?.[GUEST_ANNOTATION] === pod.metadata.annotations?.[GUEST_ANNOTATION]) return [];
  const message = 'is written by Podvisor at admission and stays as it is; delete the pod and create it anew to change the guest';
  return [{ field: annotationField(GUEST_ANNOTATION), message }];
}

/** What is plugged in is written while the VM runs. */
function checkHotplugged(old: Pod, pod: Pod): readonly Violation[] {
  const before = old.metadata.annotations?.[HOTPLUGGED_ANNOTATION];
  return before === pod.metadata.annotations?.[HOTPLUGGED_ANNOTATION] ? [] : parseHotplugged(pod).violations;
}

/** Kubernetes lets a container's image be changed in place; for the guest that would swap the launcher. */
function checkImageKept(old: Pod, pod: Pod): readonly Violation[] {
  const stored = readStoredGuest(old);
  if (!stored.ok) return [];
  const after = named(pod, stored.guest.container)?.image;
  if (after === named(old, stored.guest.container)?.image) return [];
  const index = old.spec.containers.findIndex(({ name }) => name === stored.guest.container);
  const message =
    "runs the guest and cannot be changed in place; change the image in the pod's template, or delete the pod and create it anew";
  return [{ field: `spec.containers[${index}].image`, ...shown(after), message }];
}

function named(pod: Pod, container: string): Container | undefined {
  return pod.spec.containers.find((one) => one.name === container);
}

function wrongLabel(value: string | undefined): Violation {
  return { field: LABEL_FIELD, ...shown(value), message: `allowed: "${VM_LABEL_VALUE}"; remove the label to run a plain pod` };
}

function shown(value: string | undefined): { value?: string } {
  return value === undefined ? {} : { value };
}

function refuse(violations: readonly Violation[]): Verdict {
  return { violations, warnings: [] };
}
