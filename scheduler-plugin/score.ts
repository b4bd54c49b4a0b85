import { type Dimension, DIMENSIONS } from '../api/placement.ts';
import { countTargets } from './placement/mobility.ts';
import type { CpuFacts } from './placement/report-facts.ts';
import type { Room } from './placement/room.ts';
import { bestFit, concernsZones, type Fit } from './placement/rules.ts';
import type { Wanted } from './placement/wanted.ts';
import type { HostPriority } from './protocol.ts';

/** MaxExtenderPriority of k8s.io/kube-scheduler/extender/v1; the scheduler does not clamp. */
const BEST = 10;

/** What scores are made of, for one node. */
export interface Scored {
  readonly name: string;
  /** undefined: the node has no report. */
  readonly room: Room | undefined;
  readonly cpu: CpuFacts | undefined;
  readonly vms: number;
  readonly hasImage: boolean;
}

/** A node's score by dimension, each 0..10, and the whole. */
export interface NodeScore {
  readonly name: string;
  readonly total: number;
  readonly parts: Readonly<Partial<Record<Dimension, number>>>;
}

/** Scores of all candidates in one dimension; undefined = it says nothing about this VM. */
type Scorer = (wanted: Wanted, nodes: readonly Scored[], fits: readonly (Fit | undefined)[]) => readonly number[] | undefined;

/**
 * Scores of nodes that can run the VM: the mean of the dimensions by the weights of the VM's wishes, rounded. A dimension in which all nodes
 * are equal does not count, so that it cannot blunt the others.
 */
export function nodeScores(wanted: Wanted, nodes: readonly Scored[]): readonly NodeScore[] {
  const fits = concernsZones(wanted) ? nodes.map(({ room }) => (room === undefined ? undefined : bestFit(wanted, room))) : [];
  const told = DIMENSIONS.flatMap((name) => {
    const { weight } = wanted.wishes[name];
    const scores = weight === 0 ? undefined : SCORERS[name](wanted, nodes, fits);
    return scores === undefined || scores.every((one) => one === scores[0]) ? [] : [{ name, weight, scores }];
  });
  const whole = told.reduce((sum, { weight }) => sum + weight, 0);
  return nodes.map(({ name }, index) => {
    const sum = told.reduce((all, { weight, scores }) => all + weight * (scores[index] ?? 0), 0);
    const parts = Object.fromEntries(told.map((one) => [one.name, Math.round(one.scores[index] ?? 0)]));
    return { name, total: whole === 0 ? BEST : Math.round(sum / whole), parts };
  });
}

/** In the form the scheduler reads. */
export function hostPriorities(scores: readonly NodeScore[]): readonly HostPriority[] {
  return scores.map(({ name, total }) => ({ Host: name, Score: total }));
}

const SCORERS: Readonly<Record<Dimension, Scorer>> = {
  hugepages: scoreHugepages,
  numa: (wanted, _nodes, fits) => (concernsZones(wanted) ? fits.map(alignment) : undefined),
  sriov: ({ functions }, _nodes, fits) => (functions.length === 0 ? undefined : fits.map((fit) => separation(fit))),
  spread: scoreSpread,
  mobility: scoreMobility,
  image: (_wanted, nodes) => nodes.map(({ hasImage }) => (hasImage ? BEST : 0)),
};

/** Best fit: 10 for a zone the guest fills, less the more of it is left, so that large holes stay for large guests. Pages of several zones: 0. */
function scoreHugepages(
  { memory }: Wanted,
  nodes: readonly Scored[],
  fits: readonly (Fit | undefined)[],
): readonly number[] | undefined {
  if (memory === 'plain') return undefined;
  const left = fits.map((fit, index) => {
    if (fit?.whole !== true) return undefined;
    const zones = nodes[index]?.room?.zones ?? [];
    return fit.plan.zones.reduce((most, { id, amount }) => {
      const free = zones.find((zone) => zone.id === id)?.memory[memory] ?? 0;
      return Math.max(most, free - amount);
    }, 0);
  });
  const most = left.reduce<number>((max, one) => Math.max(max, one ?? 0), 1);
  return left.map((one) => (one === undefined ? 0 : BEST * (1 - (0.9 * one) / most)));
}

function alignment(fit: Fit | undefined): number {
  if (fit === undefined) return 0;
  return fit.aligned ? BEST : Number(fit.whole) * 5;
}

function separation(fit: Fit | undefined): number {
  if (fit === undefined || fit.plan.functions.length === 0) return 0;
  return fit.distinct ? BEST : 5;
}

/** Fewest VMs first: the node with the fewest gets 10, each VM more costs one point, never below 0. */
function scoreSpread(_wanted: Wanted, nodes: readonly Scored[]): readonly number[] {
  const fewest = nodes.reduce((least, { vms }) => Math.min(least, vms), Number.MAX_SAFE_INTEGER);
  return nodes.map(({ vms }) => Math.max(0, BEST - (vms - fewest)));
}

/** The share of the other candidates that the guest could later move to. */
function scoreMobility(wanted: Wanted, nodes: readonly Scored[]): readonly number[] {
  const others = Math.max(1, nodes.length - 1);
  return countTargets(
    wanted,
    nodes.map(({ cpu }) => cpu),
  ).map((count) => (BEST * count) / others);
}
