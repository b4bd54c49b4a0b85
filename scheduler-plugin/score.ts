import { type Dimension, DIMENSIONS } from '../api/placement.ts';
import { countTargets } from './placement/mobility.ts';
import type { CpuFacts } from './placement/report-facts.ts';
import { concernsZones, type Fit } from './placement/rules.ts';
import type { Wanted } from './placement/wanted.ts';
import type { HostPriority } from './protocol.ts';

/** MaxExtenderPriority of k8s.io/kube-scheduler/extender/v1; the scheduler does not clamp. */
const BEST = 10;

/** What scores are made of, for one node. */
export interface Scored {
  readonly name: string;
  /** undefined: the node has no report, or zones are nothing to this VM. */
  readonly fit: Fit | undefined;
  readonly cpu: CpuFacts | undefined;
  readonly vms: number;
  readonly hasImage: boolean;
}

/** The scores of all nodes in a dimension that tells them apart. */
interface Told {
  readonly name: Dimension;
  readonly weight: number;
  /** 0..10, by the index of the node. */
  readonly scores: readonly number[];
}

/** Scores by the index of the node, and what they are made of. Lists and no object for each node: there are thousands. */
export interface Scores {
  readonly names: readonly string[];
  /** Integers 0..10. */
  readonly totals: readonly number[];
  readonly told: readonly Told[];
}

/** Scores of all nodes in one dimension; undefined = it says nothing about this VM. */
type Scorer = (wanted: Wanted, nodes: readonly Scored[], local: readonly number[] | undefined) => readonly number[] | undefined;

/**
 * Scores of nodes that can run the VM: the mean of the dimensions by the weights of the VM's wishes, rounded. A dimension in which all nodes
 * are equal does not count, so that it cannot blunt the others. `local`: the share of the VM's disks each node has, 0..1; undefined = none is
 * nearer than another.
 */
export function nodeScores(wanted: Wanted, nodes: readonly Scored[], local?: readonly number[]): Scores {
  const told = DIMENSIONS.flatMap((name) => {
    const { weight } = wanted.wishes[name];
    const scores = weight === 0 ? undefined : SCORERS[name](wanted, nodes, local);
    return scores === undefined || scores.every((one) => one === scores[0]) ? [] : [{ name, weight, scores }];
  });
  const whole = told.reduce((sum, { weight }) => sum + weight, 0);
  const sums = nodes.map(() => 0);
  for (const { weight, scores } of told)
    for (let index = 0; index < sums.length; index++) sums[index] = (sums[index] ?? 0) + weight * (scores[index] ?? 0);
  const totals = sums.map((sum) => (whole === 0 ? BEST : Math.round(sum / whole)));
  return { names: nodes.map(({ name }) => name), totals, told };
}

/** A node's score by dimension, for people. */
export function scoreParts({ told }: Scores, index: number): Readonly<Partial<Record<Dimension, number>>> {
  return Object.fromEntries(told.map(({ name, scores }) => [name, Math.round(scores[index] ?? 0)]));
}

/** In the form the scheduler reads. */
export function hostPriorities({ names, totals }: Scores): readonly HostPriority[] {
  return names.map((name, index) => ({ Host: name, Score: totals[index] ?? 0 }));
}

const SCORERS: Readonly<Record<Dimension, Scorer>> = {
  hugepages: scoreHugepages,
  numa: (wanted, nodes) => (concernsZones(wanted) ? nodes.map(({ fit }) => alignment(fit)) : undefined),
  sriov: ({ functions }, nodes) => (functions.length === 0 ? undefined : nodes.map(({ fit }) => separation(fit))),
  storage: (_wanted, _nodes, local) => local?.map((share) => BEST * share),
  spread: scoreSpread,
  mobility: scoreMobility,
  image: (_wanted, nodes) => nodes.map(({ hasImage }) => (hasImage ? BEST : 0)),
};

/** Best fit: 10 for a zone the guest fills, less the more of it is left, so that large holes stay for large guests. Pages of several zones: 0. */
function scoreHugepages({ memory }: Wanted, nodes: readonly Scored[]): readonly number[] | undefined {
  if (memory === 'plain') return undefined;
  let most = 1;
  for (const { fit } of nodes) if (fit?.whole === true && fit.left > most) most = fit.left;
  return nodes.map(({ fit }) => (fit?.whole === true ? BEST * (1 - (0.9 * fit.left) / most) : 0));
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
