import { findGuestContainer } from '../api/guest-container.ts';
import { POLICY_DEFAULTS_ANNOTATION } from '../api/names.ts';
import type { Container, Pod } from '../api/pod.ts';
import { annotationField } from '../api/violation.ts';
import type { CompiledPolicy, PolicyDefault } from './types.ts';

/** A default that was written. */
export interface AppliedDefault {
  readonly policy: string;
  /** Name of the field in the policy. */
  readonly name: string;
  /** Where it was written in the pod, as violations name fields. */
  readonly field: string;
}

/** The pod as if the user had written the defaults, and what was written. */
export interface Defaulted {
  readonly pod: Pod;
  readonly applied: readonly AppliedDefault[];
}

/**
 * Writes the policies' defaults (highest priority first, as {@link selectPolicies} sorts them) where the user said nothing. For a pod as its
 * user wrote it, before it is parsed: what is written here is read again by everything after as the user's own, so nothing later needs to
 * know of policies.
 */
export function applyDefaults(pod: Pod, selected: readonly CompiledPolicy[]): Defaulted {
  const wanted = selected.flatMap(({ name, defaults }) => defaults.map((one) => ({ policy: name, ...one })));
  return wanted.reduce(applyOne, { pod, applied: [] });
}

/** The pod with an annotation that says which defaults came from which policy; for people, and only after the pod was parsed. */
export function noteDefaults(pod: Pod, applied: readonly AppliedDefault[]): Pod {
  if (applied.length === 0) return pod;
  return withAnnotation(pod, POLICY_DEFAULTS_ANNOTATION, applied.map(({ name, policy }) => `${name}=${policy}`).join(','));
}

function applyOne({ pod, applied }: Defaulted, wanted: PolicyDefault & { readonly policy: string }): Defaulted {
  const { policy, field: name, target, value } = wanted;
  if ('annotation' in target) {
    if (hasAnnotation(pod, target.annotation)) return { pod, applied };
    const field = annotationField(target.annotation);
    return { pod: withAnnotation(pod, target.annotation, value), applied: [...applied, { policy, name, field }] };
  }
  const guest = findGuestContainer(pod).value;
  if (guest === undefined || asks(guest.container, target.resource)) return { pod, applied };
  const limited = withLimit(guest.container, target.resource, value);
  const containers = pod.spec.containers.map((container, index) => (index === guest.index ? limited : container));
  const field = `${guest.path}.resources.limits.${target.resource}`;
  return { pod: { ...pod, spec: { ...pod.spec, containers } }, applied: [...applied, { policy, name, field }] };
}

function hasAnnotation({ metadata: { annotations = {} } }: Pod, name: string): boolean {
  return Object.hasOwn(annotations, name);
}

function withAnnotation(pod: Pod, name: string, value: string): Pod {
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, [name]: value } } };
}

/** Huge pages say how much memory, too. */
function asks({ resources = {} }: Container, resource: string): boolean {
  const names = Object.keys({ ...resources.limits, ...resources.requests });
  return names.includes(resource) || (resource === 'memory' && names.some((name) => name.startsWith('hugepages-')));
}

function withLimit(container: Container, name: string, value: string): Container {
  const { resources = {} } = container;
  return { ...container, resources: { ...resources, limits: { ...resources.limits, [name]: value } } };
}
