import { type Dimension, DIMENSIONS } from '../api/placement.ts';
import { countTargets } from './placement/mobility.ts';
import type { CpuFacts } from './placement/report-facts.ts';
import { concernsZones, type Grade } from './placement/rules.ts';
import type { Wanted } from './placement/wanted.ts';
import type { HostPriority } from './protocol.ts';

/** MaxExtenderPriority of k8s.io/kube-scheduler/extender/v1; the scheduler does not clamp. */
const BEST = 10;

/** What scores are made of, for one node. */
export interface Scored {
  readonly name: string;
  /** undefined: the node has no report, or zones are nothing to this VM. */
  readonly fit: Grade | undefined;
  readonly cpu: CpuFacts | undefined;
  readonly vms: number;
  readonly hasImage: boolean;
}

/** A node's score in one dimension, 0..10, by its index. */
type Score = (index: number) => number;

/** A dimension that tells the nodes apart. */
interface Told {
  readonly name: Dimension;
  readonly weight: number;
  readonly score: Score;
}

/** Scores by the index of the node, and what they are made of. Nothing is kept for each node but its total: there are thousands, in each request. */
export interface Scores {
  readonly nodes: readonly Pick<Scored, 'name'>[];
  /** Integers 0..10. */
  readonly totals: Uint8Array;
  readonly told: readonly Told[];
}

/** How nodes score in one dimension; undefined = it says nothing about this VM. */
type Scorer = (wanted: Wanted, nodes: readonly Scored[], local: readonly number[] | undefined) => Score | undefined;

/**
 * Scores of nodes that can run the VM: the mean of the dimensions by the weights of the VM's wishes, rounded. A dimension in which all nodes
 * are equal does not count, so that it cannot blunt the others. `local`: the share of the VM's disks each node has, 0..1; undefined = none is
 * nearer than another.
 */
export function nodeScores(wanted: Wanted, nodes: readonly Scored[], local?: readonly number[]): Scores {
  const told: Told[] = [];
  const sums = new Float64Array(nodes.length);
  const scores = new Float64Array(nodes.length);
  for (const name of DIMENSIONS) {
    const { weight } = wanted.wishes[name];
    const score = weight === 0 ? undefined : SCORERS[name](wanted, nodes, local);
    if (score === undefined || !fill(scores, score)) continue;
    told.push({ name, weight, score });
    for (let index = 0; index < sums.length; index++) sums[index] = (sums[index] ?? 0) + weight * (scores[index] ?? 0);
  }
  const whole = told.reduce((sum, { weight }) => sum + weight, 0);
  return { nodes, totals: totalsOf(sums, whole), told };
}

/** Means of what was summed up with weights of so much in all; where nothing was, all nodes are the best. */
function totalsOf(sums: Float64Array, whole: number): Uint8Array {
  const totals = new Uint8Array(sums.length).fill(BEST);
  if (whole > 0) for (let index = 0; index < totals.length; index++) totals[index] = Math.round((sums[index] ?? 0) / whole);
  return totals;
}

/** The score of each; whether they tell the nodes apart. */
function fill(scores: Float64Array, score: Score): boolean {
  let isOther = false;
  for (let index = 0; index < scores.length; index++) {
    const one = score(index);
    scores[index] = one;
    if (one !== scores[0]) isOther = true;
  }
  return isOther;
}

/** A node's score by dimension, for people. */
export function scoreParts({ told }: Scores, index: number): Readonly<Partial<Record<Dimension, number>>> {
  return Object.fromEntries(told.map(({ name, score }) => [name, Math.round(score(index))]));
}

/** In the form the scheduler reads. */
export function hostPriorities({ nodes, totals }: Scores): readonly HostPriority[] {
  return nodes.map(({ name }, index) => ({ Host: name, Score: totals[index] ?? 0 }));
}

const SCORERS: Readonly<Record<Dimension, Scorer>> = {
  hugepages: scoreHugepages,
  numa: (wanted, nodes) => (concernsZones(wanted) ? (index) => alignment(nodes[index]?.fit) : undefined),
  sriov: ({ functions }, nodes) => (functions.length === 0 ? undefined : (index) => separation(nodes[index]?.fit)),
  storage: (_wanted, _nodes, local) => (local === undefined ? undefined : (index) => BEST * (local[index] ?? 0)),
  spread: scoreSpread,
  mobility: scoreMobility,
  image: (_wanted, nodes) => (index) => (nodes[index]?.hasImage === true ? BEST : 0),
};

/** Best fit: 10 for a zone the guest fills, less the more of it is left, so that large holes stay for large guests. Pages of several zones: 0. */
function scoreHugepages({ memory }: Wanted, nodes: readonly Scored[]): Score | undefined {
  if (memory === 'plain') return undefined;
  const most = nodes.reduce((largest, { fit }) => (fit?.whole === true ? Math.max(largest, fit.left) : largest), 1);
  return (index) => {
    const fit = nodes[index]?.fit;
    return fit?.whole === true ? BEST * (1 - (0.9 * fit.left) / most) : 0;
  };
}

function alignment(fit: Grade | undefined): number {
  if (fit === undefined) return 0;
  return fit.aligned ? BEST : Number(fit.whole) * 5;
}

function separation(fit: Grade | undefined): number {
  if (fit?.hasFunctions !== true) return 0;
  return fit.distinct ? BEST : 5;
}

/** Fewest VMs first: the node with the fewest gets 10, each VM more costs one point, never below 0. */
function scoreSpread(_wanted: Wanted, nodes: readonly Scored[]): Score {
  const fewest = nodes.reduce((least, { vms }) => Math.min(least, vms), Number.MAX_SAFE_INTEGER);
  return (index) => Math.max(0, BEST - ((nodes[index]?.vms ?? 0) - fewest));
}

/** The share of the other candidates that the guest could later move to. */
function scoreMobility(wanted: Wanted, nodes: readonly Scored[]): Score {
  const others = Math.max(1, nodes.length - 1);
  const targets = countTargets(wanted, nodes);
  let cpu: CpuFacts | undefined;
  let score = 0;
  return (index) => {
    const its = nodes[index]?.cpu;
    if (its !== cpu) [cpu, score] = [its, (BEST * targets(its)) / others];
    return score;
  };
}
