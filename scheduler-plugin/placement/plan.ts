import type { Plan } from '../../api/placement-plan.ts';
import { matchFunctions } from './match-functions.ts';
import type { Room, ZoneAmounts } from './room.ts';
import type { Wanted } from './wanted.ts';

/** How strict a plan must be. */
export interface Rules {
  /** Each cell of guest memory in one zone; spread over all zones; or not looked at. */
  readonly memory: 'zone' | 'total' | 'any';
  /** Dedicated CPUs with their cell's memory, and VFs in a zone of a cell. */
  readonly aligned: boolean;
  /** VFs on distinct physical functions with carrier; any free ones; or not looked at. */
  readonly functions: 'distinct' | 'free' | 'any';
}

/** Sets of zones looked at before a plan is given up: enough for 12 zones and any cells; more zones come with few cells. */
const MAX_SETS = 1_000;

/** Where in a node a VM fits; undefined = nowhere. Best fit: of the zones that will do, those with least left, to keep large holes. Pure. */
export function planIn(wanted: Wanted, room: Room, rules: Rules): Plan | undefined {
  if (rules.memory === 'total') return spreadPlan(wanted, room, rules);
  const perCell = rules.memory === 'any' ? 0 : wanted.amount / wanted.cells;
  const cpus = rules.aligned ? (wanted.cpus - wanted.extraCpus) / wanted.cells : 0;
  const usable = usableZones(wanted, room, { perCell, cpus });
  const size = Math.min(wanted.cells, usable.length);
  if (size === 0) return undefined;
  let sets = 0;
  for (const set of zoneSets(usable, size)) {
    const plan = planWith(set, { wanted, room, rules, perCell, cpus });
    if (plan !== undefined) return plan;
    // Without alignment no other set has VFs or CPUs that this one lacks, only more room.
    if (++sets >= MAX_SETS) break;
  }
  // The largest zones together: what fits anywhere without alignment fits there.
  return planWith(usable.slice(-size), { wanted, room, rules, perCell, cpus });
}

interface UsableZone {
  readonly zone: ZoneAmounts;
  /** Cells it has room for. */
  readonly cells: number;
  /** What would be left of its memory after one. */
  readonly left: number;
}

/** Zones with room for a cell, best fit first. */
function usableZones(wanted: Wanted, room: Room, each: { perCell: number; cpus: number }): UsableZone[] {
  const usable: UsableZone[] = [];
  for (const zone of room.zones) {
    const free = zone.memory[wanted.memory];
    const cells = Math.min(wanted.cells, timesIn(free, each.perCell), timesIn(zone.cpus, each.cpus));
    if (cells > 0) usable.push({ zone, cells, left: free - each.perCell });
  }
  return usable.sort((a, b) => a.cells - b.cells || a.left - b.left || a.zone.id - b.zone.id);
}

function timesIn(free: number, each: number): number {
  return each === 0 ? Number.MAX_SAFE_INTEGER : Math.floor(free / each);
}

/**
 * Sets of exactly `size` zones, best fit first. A set of fewer zones fits nothing that a larger one does not: a cell can move to a zone more,
 * which only frees CPUs and brings VFs nearer.
 */
function* zoneSets(zones: readonly UsableZone[], size: number, from = 0): Generator<readonly UsableZone[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let at = from; at <= zones.length - size; at++) {
    const first = zones[at];
    if (first === undefined) continue;
    for (const others of zoneSets(zones, size - 1, at + 1)) yield [first, ...others];
  }
}

interface Attempt {
  readonly wanted: Wanted;
  readonly room: Room;
  readonly rules: Rules;
  readonly perCell: number;
  readonly cpus: number;
}

function planWith(set: readonly UsableZone[], { wanted, room, rules, perCell, cpus }: Attempt): Plan | undefined {
  const cells = shareOut(wanted.cells, set);
  if (cells === undefined) return undefined;
  const zones = set.map(({ zone }, index) => ({
    id: zone.id,
    cpus: cpus * (cells[index] ?? 0),
    amount: perCell * (cells[index] ?? 0),
  }));
  if (rules.aligned && wanted.extraCpus > 0) {
    const host = set.findIndex(({ zone }, index) => zone.cpus - (zones[index]?.cpus ?? 0) >= wanted.extraCpus);
    const zone = zones[host];
    if (zone === undefined) return undefined;
    zone.cpus += wanted.extraCpus;
  }
  const functions = functionPlan(wanted, room, rules, new Set(zones.map(({ id }) => id)));
  return functions === undefined ? undefined : { zones, functions };
}

/** Cells for each zone of the set, at least one each; undefined = they do not fit. */
function shareOut(cells: number, set: readonly UsableZone[]): number[] | undefined {
  const shares = set.map(() => 1);
  let left = cells - set.length;
  for (const [index, zone] of set.entries()) {
    const more = Math.min(left, zone.cells - 1);
    shares[index] = 1 + more;
    left -= more;
  }
  return left === 0 ? shares : undefined;
}

function functionPlan(
  wanted: Wanted,
  { functions }: Room,
  rules: Rules,
  zones: ReadonlySet<number>,
): Plan['functions'] | undefined {
  if (rules.functions === 'any' || wanted.functions.length === 0) return [];
  const rule = { distinct: rules.functions === 'distinct', ...(rules.aligned ? { zones } : {}) };
  return matchFunctions(wanted.functions, functions, rule)?.map(({ address }) => address);
}

/** Memory from all zones, the largest first, so that few are touched. */
function spreadPlan(wanted: Wanted, room: Room, rules: Rules): Plan | undefined {
  const zones: { id: number; cpus: number; amount: number }[] = [];
  let left = wanted.amount;
  const order = [...room.zones].sort((a, b) => b.memory[wanted.memory] - a.memory[wanted.memory]);
  for (const { id, memory } of order) {
    const amount = Math.min(left, memory[wanted.memory]);
    if (amount > 0) zones.push({ id, cpus: 0, amount });
    left -= amount;
  }
  const functions = left > 0 ? undefined : functionPlan(wanted, room, { ...rules, aligned: false }, new Set());
  return functions === undefined ? undefined : { zones, functions };
}
