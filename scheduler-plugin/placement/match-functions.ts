import type { FunctionFacts } from './room.ts';
import type { WantedFunction } from './wanted.ts';

/** How VFs are found. */
export interface FunctionRule {
  /** Each VF of one resource on a physical function of its own, and only on those with carrier. */
  readonly distinct: boolean;
  /** Zones that will do; undefined = all. */
  readonly zones?: ReadonlySet<number>;
}

/** One physical function for each VF, in order; undefined = there is no way. Bipartite matching by augmenting paths. Pure. */
export function matchFunctions(
  wanted: readonly WantedFunction[],
  offers: readonly FunctionFacts[],
  rule: FunctionRule,
): readonly FunctionFacts[] | undefined {
  const allowed = wanted.map((one) => ranked(offers, (offer) => offerFits(one, offer, rule)));
  const holders = new Map<FunctionFacts, number[]>();
  const chosen = wanted.map((): FunctionFacts | undefined => undefined);
  const place = (index: number, tried: Set<FunctionFacts>): boolean => {
    for (const offer of allowed[index] ?? []) {
      if (tried.has(offer)) continue;
      tried.add(offer);
      const held = holders.get(offer) ?? [];
      const free = held.length < (rule.distinct ? 1 : offer.vfs);
      const mover = free ? -1 : held.findIndex((other) => place(other, tried));
      if (!free && mover < 0) continue;
      holders.set(offer, [...(holders.get(offer) ?? []).filter((_, at) => at !== mover), index]);
      chosen[index] = offer;
      return true;
    }
    return false;
  };
  const all = wanted.every((_, index) => place(index, new Set()));
  return all ? chosen.flatMap((one) => one ?? []) : undefined;
}

/** Whether a VF of this physical function will do. */
export function offerFits(
  { resource, network }: WantedFunction,
  offer: FunctionFacts,
  { distinct, zones }: FunctionRule,
): boolean {
  if (offer.resource !== resource || offer.vfs < 1) return false;
  if (network !== undefined && offer.network !== network) return false;
  if (distinct && !offer.linkUp) return false;
  return zones === undefined || offer.zone === undefined || zones.has(offer.zone);
}

/** With carrier first, then those with most left. */
function ranked(offers: readonly FunctionFacts[], fits: (offer: FunctionFacts) => boolean): readonly FunctionFacts[] {
  const fitting = offers.filter(fits);
  return fitting.length < 2 ? fitting : fitting.sort((a, b) => Number(b.linkUp) - Number(a.linkUp) || b.vfs - a.vfs);
}
