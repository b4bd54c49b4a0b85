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
      const passed = verdicts.filter(({ reason }) => reason === '');
      if (passed.length <= most || !passed.every(isScored)) return answered;
      // So many at least are shown beyond the best, from there on.
      start += Math.floor(most / 2);
      const listed = new Set<Verdict>(shortlist(scoresOf(passed).totals, most, start).flatMap((index) => passed[index] ?? []));
      return only(answered, (verdict) => verdict.reason !== '' || listed.has(verdict));
    },
  };
}

function isScored(verdict: Verdict): verdict is Verdict & Scored {
  return 'vms' in verdict;
}

function only({ request, verdicts }: Answered, isKept: (verdict: Verdict) => boolean): Answered {
  const kept = <T>(list: readonly T[]): readonly T[] =>
    list.filter((_, index) => verdicts[index] !== undefined && isKept(verdicts[index]));
  const { pod, names, objects } = request;
  const told = { pod, names: kept(names), ...(objects === undefined ? {} : { objects: kept(objects) }) };
  return { request: told, verdicts: kept(verdicts) };
}

/** How many nodes of a cluster kube-scheduler scores unless told otherwise (numFeasibleNodesToFind of its pkg/scheduler/schedule_one.go). */
export function nodesToScore(nodes: number): number {
  const percentage = Math.max(5, 50 - Math.trunc(nodes / 125));
  return nodes < 100 ? nodes : Math.max(100, Math.trunc((nodes * percentage) / 100));
}

/** Indexes of `most` nodes: half of them the best by their totals (0..10), the others as they come; both from `start` on, around. */
export function shortlist(totals: readonly number[], most: number, start: number): readonly number[] {
  const chosen = new Set<number>();
  const choose = (limit: number, isWanted: (total: number) => boolean): void => {
    for (let step = 0; step < totals.length && chosen.size < limit; step++) {
      const index = (start + step) % totals.length;
      if (isWanted(totals[index] ?? 0)) chosen.add(index);
    }
  };
  const best = Math.ceil(most / 2);
  for (let score = 10; score >= 0 && chosen.size < best; score--) choose(best, (total) => total === score);
  choose(most, () => true);
  return [...chosen];
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
