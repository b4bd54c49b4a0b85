import type { Dice } from '../oracle-cases.ts';

/**
 * What becomes of a pool, step by step, and what may still be promised of it: from what is true, which nobody who decides can see. Written without a
 * line of the scheduler's own. Amounts are GiB.
 */
export interface PoolCase {
  /** In the order in which it was seen. */
  readonly seen: readonly Seen[];
  /** What is left for others when all that was promised is made. */
  readonly left: number;
  /** Of volumes that the pool's object tells of and whose claims were not seen bound: whoever is careful counts these twice. */
  readonly ahead: number;
  /** Of the VM that asks. */
  readonly disks: readonly number[];
}

export type Seen =
  | { readonly kind: 'told'; readonly gib: number }
  | { readonly kind: 'placed' | 'unplaced' | 'bound'; readonly claim: string; readonly gib: number };

interface Claim {
  readonly name: string;
  readonly gib: number;
  made: boolean;
  bound: boolean;
}

const pick = <T>(roll: Dice, list: readonly T[]): T => list[roll(list.length)]!;

/** A pool's history: claims come, are given up, are made and seen bound in any order; the room is told late and not after each. */
export function makePoolCase(roll: Dice): PoolCase {
  let free = 5 + roll(40);
  const claims: Claim[] = [];
  const late: { readonly gib: number; readonly made: readonly Claim[] }[] = [];
  const seen: Seen[] = [{ kind: 'told', gib: free }];
  let told: readonly Claim[] = [];
  const unmade = (): number => sum(claims.filter(({ made }) => !made));
  const steps: Record<string, () => void> = {
    place: () => {
      const gib = 1 + roll(6);
      if (gib > free - unmade()) return;
      const name = `other-${seen.length}`;
      claims.push({ name, gib, made: false, bound: false });
      seen.push({ kind: 'placed', claim: name, gib });
    },
    unplace: () => {
      const index = claims.findIndex(({ made }) => !made);
      const [claim] = index < 0 ? [] : claims.splice(index, 1);
      if (claim !== undefined) seen.push({ kind: 'unplaced', claim: claim.name, gib: claim.gib });
    },
    make: () => {
      const open = claims.filter(({ made }) => !made);
      if (open.length === 0) return;
      const claim = pick(roll, open);
      claim.made = true;
      free -= claim.gib;
    },
    bind: () => {
      const open = claims.filter(({ made, bound }) => made && !bound);
      if (open.length === 0) return;
      const claim = pick(roll, open);
      claim.bound = true;
      seen.push({ kind: 'bound', claim: claim.name, gib: claim.gib });
    },
    look: () => void late.push({ gib: free, made: claims.filter(({ made }) => made) }),
    tell: () => {
      const next = late.shift();
      if (next === undefined) return;
      told = next.made;
      seen.push({ kind: 'told', gib: next.gib });
    },
  };
  for (let count = roll(30); count > 0; count--) steps[pick(roll, ['place', 'place', 'unplace', 'make', 'make', 'bind', 'bind', 'look', 'tell'])]!();
  const disks = Array.from({ length: 1 + roll(3) }, () => 1 + roll(8));
  return { seen, left: free - unmade(), ahead: sum(told.filter(({ bound }) => !bound)), disks };
} // prettier-ignore

/** Whether the VM's disks can be made beside all others, when so much is kept free. */
export function poolHolds({ left, disks }: PoolCase, kept = 0): boolean {
  return disks.reduce((all, gib) => all + gib, 0) <= left - kept;
}

function sum(list: readonly { readonly gib: number }[]): number {
  return list.reduce((all, { gib }) => all + gib, 0);
}
