import { violationsText } from '../../api/violation.ts';
import { selectPolicies } from '../../policy/select.ts';
import type { CompiledPolicy, PolicyNamespace, UsedVm } from '../../policy/types.ts';
import { policyViolations } from '../../policy/violations.ts';
import { readStoredVm, type StoredVm } from './facts.ts';

/** What policies say of one running pod. */
export interface Judgement {
  /** Names of the policies that are for it. */
  readonly matching: readonly string[];
  /** By policy that would refuse it (or warn, or note it) now, why. */
  readonly violations: ReadonlyMap<string, string>;
}

/** Where the pod runs. */
export interface Surroundings {
  readonly namespace: PolicyNamespace;
  /** The other VM pods of the namespace; called only for policies with limits. */
  readonly usage: () => readonly UsedVm[];
}

const NOTHING: Judgement = { matching: [], violations: new Map() };

/**
 * Judges a running pod as admission would judge it now. Nobody creates it, so exemptions for users do not hold. Total: policies never throw.
 * `now` in milliseconds since the epoch.
 */
export function judgeVm(vm: StoredVm, at: Surroundings, policies: readonly CompiledPolicy[], now: number): Judgement {
  const { namespace } = at;
  const selected = selectPolicies({ namespace, labels: vm.used.labels }, policies, now);
  if (selected.length === 0) return NOTHING;
  const read = readStoredVm(vm);
  if (read === undefined) return NOTHING;
  const usage = selected.some(({ spec }) => spec.limits !== undefined) ? at.usage() : [];
  const { refusals, warnings, audits } = policyViolations({ ...read, namespace, usage }, selected);
  const byPolicy = Map.groupBy([...refusals, ...warnings, ...audits], ({ policy }) => policy);
  return {
    matching: selected.map(({ name }) => name),
    violations: new Map(Array.from(byPolicy, ([name, violations]) => [name, violationsText(violations)])),
  };
}
