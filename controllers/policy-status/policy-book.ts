import type { Policy, PolicyStatus } from '../../api/policy.ts';
import type { Violation } from '../../api/violation.ts';
import { compilePolicy } from '../../policy/compile.ts';
import { readPolicy } from '../../policy/read-policy.ts';
import { policyTies } from '../../policy/ties.ts';
import type { CompiledPolicy } from '../../policy/types.ts';
import type { Audit } from './audit.ts';
import { MAX_NAMED, policyStatus } from './status.ts';

/** The policies as last seen, compiled once for each version, and what their status should be. */
export interface PolicyBook {
  /** Undefined = gone. Has the audit judge anew what is a new version. */
  set(name: string, policy: Policy | undefined): void;
  get(name: string): Policy | undefined;
  /** The status the policy should have, given the one it has; as the audit stands. */
  statusOf(name: string, before: PolicyStatus | undefined, now: number): PolicyStatus;
  /** Violating pods by policy. */
  violating(): readonly (readonly [string, number])[];
}

interface Entry {
  readonly policy: Policy;
  readonly compiled: CompiledPolicy;
  readonly invalid: readonly Violation[];
}

/** A book without policies. */
export function createPolicyBook(audit: Audit): PolicyBook {
  const entries = new Map<string, Entry>();
  return {
    set: (name, policy) => {
      if (policy === undefined) {
        entries.delete(name);
        return audit.setPolicy(name, undefined);
      }
      const known = entries.get(name);
      if (known !== undefined && sameVersion(known.policy, policy)) return void entries.set(name, { ...known, policy });
      const read = readPolicy(policy);
      const compiled = compilePolicy(policy);
      entries.set(name, { policy, compiled, invalid: read.ok ? [] : read.violations });
      audit.setPolicy(name, compiled);
    },
    get: (name) => entries.get(name)?.policy,
    statusOf: (name, before, now) => {
      const entry = entries.get(name);
      const others = Array.from(entries.values(), ({ compiled }) => compiled);
      const counts = { matching: audit.verdicts.matching(name), violating: audit.verdicts.violating(name) };
      return policyStatus(
        {
          ...counts,
          generation: entry?.policy.metadata.generation,
          named: namedPods(name, audit, now),
          invalid: entry?.invalid ?? [],
          ties: entry === undefined ? [] : policyTies(entry.compiled, others),
        },
        before,
        now,
      );
    },
    violating: () => Array.from(entries.keys(), (name) => [name, audit.verdicts.violating(name)] as const),
  };
}

/** A status does not change the generation. */
function sameVersion(a: Policy, b: Policy): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.generation === b.metadata.generation;
}

/** The first by name, so that a status does not change without need. */
function namedPods(policy: string, audit: Audit, now: number): { namespace: string; name: string; message: string }[] {
  return firstOf(audit.verdicts.violators(policy), MAX_NAMED).flatMap((key) => {
    const { vm, message } = audit.explain(policy, key, now) ?? {};
    if (vm === undefined || message === undefined) return [];
    return [{ namespace: vm.namespace, name: key.slice(vm.namespace.length + 1), message }];
  });
}

/** The smallest of a set, sorted, without sorting all of it. */
function firstOf(keys: Iterable<string>, count: number): readonly string[] {
  const first: string[] = [];
  for (const key of keys) {
    const last = first.at(-1);
    if (first.length === count && last !== undefined && key > last) continue;
    const at = first.findIndex((one) => one > key);
    first.splice(at < 0 ? first.length : at, 0, key);
    first.length = Math.min(first.length, count);
  }
  return first;
}
