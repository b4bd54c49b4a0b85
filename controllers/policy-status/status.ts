import jsonPatch from 'fast-json-patch';
import type { Policy, PolicyStatus } from '../../api/policy.ts';
import { type Violation, violationsText } from '../../api/violation.ts';

/** What was found out about a policy. */
export interface PolicyFindings {
  readonly generation: number | undefined;
  readonly matching: number;
  readonly violating: number;
  /** Some of the violating pods, always the same ones while they are there. */
  readonly named: readonly { readonly namespace: string; readonly name: string; readonly message: string }[];
  /** Why it cannot be read. */
  readonly invalid: readonly Violation[];
  /** Defaults another policy gives other values. */
  readonly ties: readonly Violation[];
}

type Condition = NonNullable<PolicyStatus['conditions']>[number];
type Said = Pick<Condition, 'status' | 'reason' | 'message'>;

/** Violating pods a status names. */
export const MAX_NAMED = 10;
const MAX_MESSAGE = 1024;
const MAX_CONDITION_MESSAGE = 4096;

/** The status a policy should have; equal to the one it has when there is nothing new. `now` in milliseconds since the epoch. */
export function policyStatus(found: PolicyFindings, before: Policy['status'], now: number): PolicyStatus {
  const { generation, matching, violating, named } = found;
  const seen = generation === undefined ? {} : { observedGeneration: generation };
  return {
    ...seen,
    matching,
    violating,
    violations: named.slice(0, MAX_NAMED).map((pod) => ({ ...pod, message: cut(pod.message, MAX_MESSAGE) })),
    conditions: Object.entries({ Ready: ready(found), Conflicting: conflicting(found) }).map(([type, said]) => {
      const old = before?.conditions?.find((condition) => condition.type === type);
      const lastTransitionTime =
        old?.status === said.status ? old.lastTransitionTime : `${new Date(now).toISOString().slice(0, 19)}Z`;
      return { type, ...said, lastTransitionTime, ...seen };
    }),
  };
}

function ready({ invalid }: PolicyFindings): Said {
  if (invalid.length === 0) return { status: 'True', reason: 'InForce', message: 'New VM pods are judged by this policy.' };
  const message = `This version of Podvisor cannot read the policy, so it objects to every VM pod it may be for: ${violationsText(invalid)}; correct or delete it.`;
  return { status: 'False', reason: 'Invalid', message: cut(message, MAX_CONDITION_MESSAGE) };
}

function conflicting({ ties }: PolicyFindings): Said {
  if (ties.length === 0)
    return { status: 'False', reason: 'NoTie', message: 'No other policy of this priority has other defaults.' };
  return { status: 'True', reason: 'DefaultsTie', message: cut(violationsText(ties), MAX_CONDITION_MESSAGE) };
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Whether two statuses say the same; fields in whatever order. */
export function sameStatus(a: PolicyStatus | undefined, b: PolicyStatus | undefined): boolean {
  return jsonPatch.compare(a ?? {}, b ?? {}).length === 0;
}
