import type { Judgement } from './judge.ts';

/** Which pods each policy is for, and which of them violate it. */
export interface Verdicts {
  /** Notes a judgement by some policies (by those alone); the policies about which something changed. */
  set(pod: string, asked: Iterable<string>, judgement: Judgement): readonly string[];
  /** Forgets a pod; the policies about which something changed. */
  removePod(pod: string): readonly string[];
  removePolicy(policy: string): void;
  /** Number of pods a policy is for. */
  matching(policy: string): number;
  /** Keys of the pods that violate it. */
  violating(policy: string): ReadonlySet<string>;
}

interface Pods {
  readonly matching: Set<string>;
  readonly violating: Set<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** No verdicts yet. Why a pod violates a policy is not kept: of thousands a status names ten. */
export function createVerdicts(): Verdicts {
  const byPolicy = new Map<string, Pods>();
  const podsOf = (policy: string): Pods => {
    const known = byPolicy.get(policy);
    if (known !== undefined) return known;
    const made = { matching: new Set<string>(), violating: new Set<string>() };
    byPolicy.set(policy, made);
    return made;
  };
  return {
    set: (pod, asked, { matching, violations }) => {
      const isFor = new Set(matching);
      return Array.from(asked).filter((policy) => {
        const pods = podsOf(policy);
        const changes = [put(pods.matching, pod, isFor.has(policy)), put(pods.violating, pod, violations.has(policy))];
        return changes.includes(true);
      });
    },
    removePod: (pod) =>
      Array.from(byPolicy).flatMap(([policy, { matching, violating }]) => {
        violating.delete(pod);
        return matching.delete(pod) ? [policy] : [];
      }),
    removePolicy: (policy) => void byPolicy.delete(policy),
    matching: (policy) => byPolicy.get(policy)?.matching.size ?? 0,
    violating: (policy) => byPolicy.get(policy)?.violating ?? NONE,
  };
}

/** Whether something changed. */
function put(set: Set<string>, value: string, isIn: boolean): boolean {
  if (set.has(value) === isIn) return false;
  if (isIn) set.add(value);
  else set.delete(value);
  return true;
}
