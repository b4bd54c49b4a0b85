import type { GuestSpec } from '../api/guest-spec.ts';
import type { Container, Pod } from '../api/pod.ts';
import type { PolicyMode, PolicySpec } from '../api/policy.ts';
import type { DefaultTarget } from '../api/policy-fields.ts';
import type { Violation } from '../api/violation.ts';
import type { CelContext } from './cel.ts';
import type { ImageName } from './image-name.ts';
import type { Labels } from './labels.ts';

/** A namespace as policies see it. */
export interface PolicyNamespace {
  readonly name: string;
  readonly labels: Labels;
}

/** What a policy is chosen by. */
export interface PolicyRequest {
  readonly namespace: PolicyNamespace;
  /** Labels of the pod. */
  readonly labels: Labels;
  /** Who creates the pod; left out where nobody does (an audit of running pods): exemptions for users then do not hold. */
  readonly user?: { readonly username: string; readonly groups: readonly string[] };
}

/** A VM pod that counts against the limits of its namespace. */
export interface UsedVm {
  readonly labels: Labels;
  readonly vcpus: number;
  readonly memoryBytes: number;
}

/** What is judged. */
export interface PolicySubject {
  readonly pod: Pod;
  /** As admission understood the pod; after parse violations the rest of it, see {@link PolicySubject.draft}. */
  readonly guest: GuestSpec;
  /** The guest has stand-ins where the pod could not be read: what depends on all of it is not judged. */
  readonly draft?: boolean;
  readonly namespace: PolicyNamespace;
  /** The other VM pods of the namespace, finished ones left out. */
  readonly usage: readonly UsedVm[];
}

/** One objection of one policy; `message` names it. */
export interface PolicyViolation extends Violation {
  readonly policy: string;
}

/** What all policies together say, by what is to be done about it. */
export interface PolicyVerdict {
  readonly refusals: readonly PolicyViolation[];
  readonly warnings: readonly PolicyViolation[];
  readonly audits: readonly PolicyViolation[];
}

/** What a check gets: the subject, and what is computed once for all checks. */
export interface CheckInput extends PolicySubject {
  /** Path of the guest container, and the container itself if there is one. */
  readonly container: string;
  readonly guestContainer: Container | undefined;
  /** Of `guest.boot.image`. */
  readonly image: ImageName;
  readonly cel: () => CelContext;
}

/** A part of a policy that can object. */
export interface PolicyCheck {
  /** Makes no sense on a draft. */
  readonly needsWhole: boolean;
  readonly run: (input: CheckInput) => readonly Violation[];
}

/** A value a policy writes where the user said nothing. */
export interface PolicyDefault {
  /** Name of the field in the policy: `memory`, `placement.storage`. */
  readonly field: string;
  readonly target: DefaultTarget;
  readonly value: string;
}

/** A policy made ready to be applied. */
export interface CompiledPolicy {
  readonly name: string;
  readonly mode: PolicyMode;
  readonly priority: number;
  /** Of a policy that cannot be read, as much as could be. */
  readonly spec: PolicySpec;
  readonly checks: readonly PolicyCheck[];
  readonly defaults: readonly PolicyDefault[];
}
