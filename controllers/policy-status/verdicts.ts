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
  /** Number of those that violate it. */
  violating(policy: string): number;
  /** Keys of the pods that violate it, in no order. */
  violators(policy: string): Iterable<string>;
}

/** What a policy says of a pod. */
const NOT_FOR = 0;
const MATCHES = 1;
const VIOLATES = 2;

interface PolicyRow {
  /** By the pod's slot. */
  verdicts: Uint8Array;
  matching: number;
  violating: number;
}

const FIRST_SLOTS = 64;

/** No verdicts yet. Why a pod violates a policy is not kept: of thousands a status names ten. */
export function createVerdicts(): Verdicts {
  return new VerdictTable();
}

/** A byte for each pod and policy: 5,000 by 100 are half a megabyte, where sets of keys were twenty. */
class VerdictTable implements Verdicts {
  readonly #rows = new Map<string, PolicyRow>();
  readonly #slots = new Map<string, number>();
  /** By slot; undefined = free. */
  readonly #pods: (string | undefined)[] = [];
  readonly #free: number[] = [];

  set(pod: string, asked: Iterable<string>, { matching, violations }: Judgement): readonly string[] {
    const slot = this.#slotOf(pod);
    const isFor = new Set(matching);
    return Array.from(asked).filter((policy) => {
      const verdict = violations.has(policy) ? VIOLATES : isFor.has(policy) ? MATCHES : NOT_FOR;
      return put(this.#rowOf(policy), slot, verdict);
    });
  }

  removePod(pod: string): readonly string[] {
    const slot = this.#slots.get(pod);
    if (slot === undefined) return [];
    this.#slots.delete(pod);
    this.#pods[slot] = undefined;
    this.#free.push(slot);
    return Array.from(this.#rows).flatMap(([policy, row]) => (put(row, slot, NOT_FOR) ? [policy] : []));
  }

  removePolicy(policy: string): void {
    this.#rows.delete(policy);
  }

  matching(policy: string): number {
    return this.#rows.get(policy)?.matching ?? 0;
  }

  violating(policy: string): number {
    return this.#rows.get(policy)?.violating ?? 0;
  }

  *violators(policy: string): Generator<string> {
    const { verdicts } = this.#rows.get(policy) ?? { verdicts: [] };
    for (const [slot, verdict] of verdicts.entries()) {
      const pod = this.#pods[slot];
      if (verdict === VIOLATES && pod !== undefined) yield pod;
    }
  }

  #slotOf(pod: string): number {
    const known = this.#slots.get(pod);
    if (known !== undefined) return known;
    const slot = this.#free.pop() ?? this.#pods.length;
    this.#pods[slot] = pod;
    this.#slots.set(pod, slot);
    return slot;
  }

  #rowOf(policy: string): PolicyRow {
    const known = this.#rows.get(policy);
    if (known !== undefined) return known;
    const made = { verdicts: new Uint8Array(FIRST_SLOTS), matching: 0, violating: 0 };
    this.#rows.set(policy, made);
    return made;
  }
}

/** Whether something changed. */
function put(row: PolicyRow, slot: number, verdict: number): boolean {
  const before = row.verdicts[slot] ?? NOT_FOR;
  if (before === verdict) return false;
  if (slot >= row.verdicts.length) {
    const larger = new Uint8Array(2 ** Math.ceil(Math.log2(slot + 1)));
    larger.set(row.verdicts);
    row.verdicts = larger;
  }
  row.verdicts[slot] = verdict;
  row.matching += Number(verdict !== NOT_FOR) - Number(before !== NOT_FOR);
  row.violating += Number(verdict === VIOLATES) - Number(before === VIOLATES);
  return true;
}
