import type { Attachments } from '../../api/attachments.ts';
import type { Accelerator, GuestSpec } from '../../api/guest-spec.ts';
import type { Pod } from '../../api/pod.ts';
import type { Violation } from '../../api/violation.ts';
import type { InjectorMode } from '../networks/resources.ts';
import type { CompiledPolicy, PolicyNamespace, UsedVm } from '../../policy/types.ts';

/** What policies judge a pod by, beside itself. */
export interface PolicyFacts {
  /** The policies for this pod, as selectPolicies sorts them. */
  readonly selected: readonly CompiledPolicy[];
  readonly namespace: PolicyNamespace;
  /** The other VM pods of the namespace. */
  readonly usage: readonly UsedVm[];
  /** Why the policies for this pod cannot be told: it is refused. */
  readonly problem?: Violation;
}

/** What admission must know beyond the pod. */
export interface AdmissionContext {
  /** Image of the launcher container, as the installation names it. */
  readonly launcherImage: string;
  /** What the cluster's nodes offer now. */
  readonly accelerators: Readonly<Record<Accelerator, boolean>>;
  /** Namespace of the request: at CREATE the pod itself may not carry it yet. */
  readonly namespace: string;
  /** The network attachments the pod names, as far as the cluster has them; left out = none. */
  readonly attachments?: Attachments;
  /** Where Multus looks for default networks without a namespace; left out = its own default. */
  readonly multusNamespace?: string;
  /** Unique to the request: what MAC addresses of pods without a stable name are drawn from. */
  readonly requestUid?: string;
  /** The policies for this pod and what they look at; left out = there are none. */
  readonly policies?: PolicyFacts;
}

/** The pod as it should be (the same object when nothing is to change), or everything that is wrong with it. */
export type Mutation =
  | {
      readonly ok: true;
      readonly patched: Pod;
      readonly warnings: readonly string[];
      /** What was stored on it just now; absent when the pod carried its GuestSpec already. */
      readonly guest?: GuestSpec;
      /** What network-resources-injector showed of itself; absent where it did not touch the pod. */
      readonly injector?: InjectorMode;
    }
  | {
      readonly ok: false;
      readonly violations: readonly Violation[];
      /** The guest as far as it could be read (parse-pod.ts). */
      readonly draft?: GuestSpec;
    };

/** What a validation says. */
export interface Verdict {
  /** Empty = allowed. */
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
}
