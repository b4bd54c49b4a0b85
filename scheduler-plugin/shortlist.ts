import { isRecord } from '../runtime/record.ts';
import type { ExtenderPod, ExtenderRequest, Verdict } from './protocol.ts';
import type { Scored, Scores } from './score.ts';

/**
 * Which of the nodes that pass a filter the scheduler is told. It runs its own scoring plugins on each of them and asks prioritize about all, which at
 * thousands of nodes is half of its work; by itself it would look at some only. Here it is told as many as that, but half of them are the best by
 * our scores, and the others stand for all that pass.
 */
export interface Shortlist {
  /** What the scheduler is told of a request: all of it, unless what scores are made of stands with each node that passes (`judgeNodes`). */
  of(answered: Answered, scoresOf: (passed: readonly Scored[]) => Scores): Answered;
}

/** A request and what is said of each of its nodes, in the same order. */
export interface Answered {
  readonly request: ExtenderRequest;
  readonly verdicts: readonly Verdict[];
}

/** See the option `--score-nodes`. */
export type ScoreNodes = 'some' | 'all';

/** A shortlist; it remembers where it was, so that of many equal nodes each has its turn. */
export function createShortlist(mode: ScoreNodes): Shortlist {
  let start = 0;
  return {
    of: (answered, scoresOf) => {
      const { request, verdicts } = answered;
      const most = nodesToScore(request.names.length);
      if (mode === 'all' || verdicts.length <= most || hasPreferences(request.pod)) return answered;
      const { passed, refused, nodes } = sorted(verdicts);
      if (passed.length <= most || nodes.length < passed.length) return answered;
      // So many at least are shown beyond the best, from there on.
      start += Math.floor(most / 2);
      const listed = shortlist(scoresOf(nodes).totals, most, start).flatMap((index) => passed[index] ?? []);
      return only(answered, [...listed, ...refused]);
    },
  };
}

/** Where those are that passed and that were refused; and of those that passed what scores are made of. */
interface Sorted {
  readonly passed: Int32Array;
  readonly refused: readonly number[];
  readonly nodes: readonly Scored[];
}

function sorted(verdicts: readonly Verdict[]): Sorted {
  const passed = new Int32Array(verdicts.length);
  const refused: number[] = [];
  // As long as it can become: to let it grow would make three times as much garbage, in each request.
  const nodes = new Array<Scored>(verdicts.length);
  let [count, scored] = [0, 0];
  for (let index = 0; index < verdicts.length; index++) {
    const verdict = verdicts[index];
    if (verdict?.reason !== '') refused.push(index);
    else passed[count++] = index;
    if (verdict?.reason === '' && isScored(verdict)) nodes[scored++] = verdict;
  }
  nodes.length = scored;
  return { passed: passed.subarray(0, count), refused, nodes };
}

function isScored(verdict: Verdict): verdict is Verdict & Scored {
  return 'vms' in verdict;
}

/** The nodes at these places. Their order is nothing to the scheduler. */
function only({ request: { pod, names, objects }, verdicts }: Answered, kept: readonly number[]): Answered {
  const of = <T>(list: readonly T[]): readonly T[] => kept.flatMap((index) => list[index] ?? []);
  const told = { pod, names: of(names), ...(objects === undefined ? {} : { objects: of(objects) }) };
  return { request: told, verdicts: of(verdicts) };
}

/** How many nodes of a cluster kube-scheduler scores unless told otherwise (numFeasibleNodesToFind of its pkg/scheduler/schedule_one.go). */
export function nodesToScore(nodes: number): number {
  const percentage = Math.max(5, 50 - Math.trunc(nodes / 125));
  return nodes < 100 ? nodes : Math.max(100, Math.trunc((nodes * percentage) / 100));
}

/** Indexes of `most` nodes: half of them the best by their totals (0..10), the others as they come; both from `start` on, around. */
export function shortlist(totals: ArrayLike<number>, most: number, start: number): readonly number[] {
  const { least, ofLeast } = worstOfBest(totals, Math.ceil(most / 2));
  const isChosen = new Uint8Array(totals.length);
  const chosen: number[] = [];
  const choose = (limit: number, isWanted: (total: number) => boolean): void => {
    let index = start % totals.length;
    for (let step = 0; step < totals.length && chosen.length < limit; step++, index++) {
      if (index === totals.length) index = 0;
      if (isChosen[index] === 1 || !isWanted(totals[index] ?? 0)) continue;
      isChosen[index] = 1;
      chosen.push(index);
    }
  };
  choose(most, (total) => total > least);
  choose(chosen.length + ofLeast, (total) => total === least);
  choose(most, () => true);
  return chosen;
}

/** The total that the worst of the `best` best nodes has, and how many of these have it. */
function worstOfBest(totals: ArrayLike<number>, best: number): { readonly least: number; readonly ofLeast: number } {
  const counts = new Uint32Array(11);
  for (let index = 0; index < totals.length; index++) counts[totals[index] ?? 0] = (counts[totals[index] ?? 0] ?? 0) + 1;
  let [least, above] = [10, 0];
  while (least > 0 && above + (counts[least] ?? 0) < best) above += counts[least--] ?? 0;
  return { least, ofLeast: best - above };
}

/** Whether the pod prefers nodes by rules of Kubernetes: then the scheduler alone, shown all of them, can tell which are best. */
export function hasPreferences({ spec = {} }: ExtenderPod): boolean {
  const { affinity, topologySpreadConstraints } = spec as Readonly<Record<string, unknown>>;
  const affinities = isRecord(affinity) ? Object.values(affinity) : [];
  return affinities.some(isPreferred) || listOf(topologySpreadConstraints).some(isSoft);
}

function isPreferred(affinity: unknown): boolean {
  return isRecord(affinity) && listOf(affinity['preferredDuringSchedulingIgnoredDuringExecution']).length > 0;
}

function isSoft(constraint: unknown): boolean {
  return isRecord(constraint) && constraint['whenUnsatisfiable'] === 'ScheduleAnyway';
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
