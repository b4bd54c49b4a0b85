import type { Violation } from '../api/violation.ts';
import { mayOverlap } from './labels.ts';
import type { CompiledPolicy } from './types.ts';

/**
 * Defaults of a policy that another one of equal priority gives another value, where both may be for one pod: which of them a pod gets
 * would be chance. Whether they may is judged by labels alone, and not by what exists: see {@link mayOverlap}. Exemptions do not count.
 */
export function policyTies(policy: CompiledPolicy, others: readonly CompiledPolicy[]): readonly Violation[] {
  return others
    .filter((other) => other.name !== policy.name && other.priority === policy.priority && mayMeet(policy, other))
    .flatMap((other) => tiesWith(policy, other));
}

function mayMeet({ spec: a }: CompiledPolicy, { spec: b }: CompiledPolicy): boolean {
  return mayOverlap(a.namespaceSelector, b.namespaceSelector) && mayOverlap(a.podSelector, b.podSelector);
}

function tiesWith({ defaults, priority }: CompiledPolicy, other: CompiledPolicy): readonly Violation[] {
  return defaults.flatMap(({ field, value }) => {
    const theirs = other.defaults.find((one) => one.field === field)?.value;
    if (theirs === undefined || theirs === value) return [];
    const message = `policy '${other.name}' has the same priority (${priority}), may be for the same pods and defaults this to '${theirs}'; give one of them another spec.priority, or selectors that exclude each other by one label`;
    return [{ field: `default of ${field}`, value, message }];
  });
}
