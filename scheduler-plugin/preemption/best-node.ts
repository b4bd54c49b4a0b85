import type { BoundVm } from '../placement/ledger.ts';
import type { Victims } from './victims.ts';

/** A node that evictions would free for a VM. */
export interface FreeableNode {
  readonly name: string;
  readonly victims: Victims;
  /** The victims, most important first. */
  readonly vms: readonly BoundVm[];
}

/** Smaller is better, from the first figure that differs. */
type Cost = readonly number[];

/**
 * Where evicting costs least, by kube-scheduler's own order: fewest broken budgets, the least important first victim, the least sum of priorities,
 * fewest victims, the latest start of the most important ones. Pure.
 */
export function cheapest(nodes: readonly FreeableNode[]): FreeableNode | undefined {
  const costs = new Map(nodes.map((node) => [node, costOf(node)]));
  return nodes.toSorted((a, b) => compare(costs.get(a) ?? [], costs.get(b) ?? []))[0];
}

/** As kube-scheduler does, so that many negative priorities are not cheaper than one. */
const OFFSET = 2 ** 31;

function costOf({ victims, vms }: FreeableNode): Cost {
  const priorities = vms.map(({ standing }) => standing?.priority ?? 0);
  const highest = Math.max(...priorities);
  const earliest = Math.min(...vms.filter(({ standing }) => standing?.priority === highest).map(({ since = 0 }) => since));
  return [victims.violations, highest, priorities.reduce((sum, one) => sum + one + OFFSET, 0), vms.length, -earliest];
}

function compare(a: Cost, b: Cost): number {
  for (const [index, value] of a.entries()) if (value !== b[index]) return value - (b[index] ?? 0);
  return 0;
}
