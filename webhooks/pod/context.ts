import type { Attachments } from '../../api/attachments.ts';
import type { Accelerator } from '../../api/guest-spec.ts';
import type { Pod } from '../../api/pod.ts';
import type { Violation } from '../../api/violation.ts';

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
}

/** The pod as it should be (the same object when nothing is to change), or everything that is wrong with it. */
export type Mutation =
  | { readonly ok: true; readonly patched: Pod; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly violations: readonly Violation[] };

/** What a validation says. */
export interface Verdict {
  /** Empty = allowed. */
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
}
