import { DNS_LABEL } from './guest-spec.ts';
import { PREFIX } from './names.ts';
import { didYouMean } from './nearest.ts';
import type { Container, Pod } from './pod.ts';
import { bad, good, type Step } from './step.ts';
import { annotationField } from './violation.ts';

/** Annotation that names the guest container. */
export const CONTAINER_ANNOTATION = `${PREFIX}container`;

const NAME = new RegExp(DNS_LABEL);

/** The guest container and where it stands: `spec.containers[index]`. */
export interface GuestContainer {
  readonly container: Container;
  readonly index: number;
  /** Its path, for violations. */
  readonly path: string;
}

/** The container that becomes the guest: the first, or the one the annotation names. */
export function findGuestContainer(pod: Pod): Step<GuestContainer | undefined> {
  const wanted = pod.metadata.annotations?.[CONTAINER_ANNOTATION];
  const containers = pod.spec.containers;
  const index = wanted === undefined ? 0 : containers.findIndex((container) => container.name === wanted);
  const container = containers[index];
  if (container === undefined) {
    const field = wanted === undefined ? 'spec.containers' : annotationField(CONTAINER_ANNOTATION);
    return bad(undefined, { field, ...(wanted === undefined ? {} : { value: wanted }), message: noContainer(pod, wanted ?? '') });
  }
  const path = `spec.containers[${index}]`;
  const found = { container, index, path };
  if (NAME.test(container.name)) return good(found);
  const message = 'allowed: lower-case letters, digits and dashes, at most 63 (a DNS label); rename the container';
  return bad(found, { field: `${path}.name`, value: container.name, message });
}

function noContainer(pod: Pod, wanted: string): string {
  const names = pod.spec.containers.map((container) => container.name);
  if (names.length === 0) return 'a VM pod needs at least one container, the guest; add it';
  const allowed = `allowed: ${names.map((name) => `'${name}'`).join(', ')}`;
  if (wanted.includes(',')) return `names more than one container, but a VM pod has exactly one guest; ${allowed}`;
  if (pod.spec.initContainers?.some((container) => container.name === wanted) === true) {
    return `is an init container, which cannot be the guest; ${allowed}`;
  }
  return `the pod has no such container${didYouMean(wanted, names)}; ${allowed}`;
}
