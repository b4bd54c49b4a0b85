import type { NodeTotal, RefusedNodes } from '../api/explanation.ts';
import { keepNewest } from '../runtime/newest.ts';
import type { Wanted } from './placement/wanted.ts';
import type { ExtenderPod, Verdict } from './protocol.ts';
import { type Scores, scoreParts } from './score.ts';

/** The last that was decided for a pod. */
export interface Decision {
  readonly uid: string;
  /** RFC 3339. */
  readonly at: string;
  /** What the VM asked for; undefined = its pod could not be read. */
  readonly guest: Wanted | undefined;
  readonly passed: number;
  readonly refused: readonly RefusedNodes[];
  /** The best of those that passed; empty when the scheduler did not ask, as with one node. */
  readonly scores: readonly NodeTotal[];
  readonly bind?: { readonly node: string; readonly reason: string };
}

/** The last decision for each pod, of the pods decided for last. */
export interface Decisions {
  filtered(pod: ExtenderPod, verdicts: readonly Verdict[], guest: Wanted | undefined): void;
  scored(pod: ExtenderPod, scores: Scores): void;
  bound(key: string, bind: NonNullable<Decision['bind']>): void;
  /** By `namespace/name`. */
  get(key: string): Decision | undefined;
}

/** A decision is a few kB at most, so all are a few MB. */
const LIMITS = { pods: 500, reasons: 50, nodes: 10, scores: 20 } as const;

/** `now` in milliseconds since the epoch. */
export function createDecisions(now: () => number): Decisions {
  const kept = new Map<string, Decision>();
  const keep = (key: string, decision: Decision): void => keepNewest(kept, key, decision, LIMITS.pods);
  const change = (key: string, fields: Partial<Decision>): void => {
    const before = kept.get(key);
    if (before !== undefined) keep(key, { ...before, ...fields });
  };
  return {
    filtered: (pod, verdicts, guest) => {
      const refused = grouped(verdicts);
      const passed = refused.reduce((left, { count }) => left - count, verdicts.length);
      keep(podKey(pod), { uid: pod.metadata?.uid ?? '', at: new Date(now()).toISOString(), guest, passed, refused, scores: [] });
    },
    scored: (pod, scores) => change(podKey(pod), { scores: best(scores) }),
    bound: (key, bind) => change(key, { bind }),
    get: (key) => kept.get(key),
  };
}

/** The first of the highest scores, without sorting thousands. */
function best(scores: Scores): readonly NodeTotal[] {
  const found: number[] = [];
  for (let total = 10; total >= 0 && found.length < LIMITS.scores; total--) {
    for (
      let at = scores.totals.indexOf(total);
      at >= 0 && found.length < LIMITS.scores;
      at = scores.totals.indexOf(total, at + 1)
    )
      found.push(at);
  }
  return found.map((index) => ({
    name: scores.nodes[index]?.name ?? '',
    total: scores.totals[index] ?? 0,
    parts: scoreParts(scores, index),
  }));
}

/** `namespace/name`, for logs and keys. */
export function podKey({ metadata }: ExtenderPod): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

function grouped(verdicts: readonly Verdict[]): readonly RefusedNodes[] {
  const groups = new Map<string, { reason: string; count: number; nodes: string[] }>();
  for (const { name, reason } of verdicts) {
    if (reason === '') continue;
    const key = groups.has(reason) || groups.size < LIMITS.reasons ? reason : 'other reasons';
    const group = groups.get(key) ?? { reason: key, count: 0, nodes: [] };
    group.count += 1;
    if (group.nodes.length < LIMITS.nodes) group.nodes.push(name);
    groups.set(key, group);
  }
  return [...groups.values()];
}
