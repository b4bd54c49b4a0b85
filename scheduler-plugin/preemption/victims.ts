import type { BoundVm } from '../placement/ledger.ts';
import { type Budget, violating } from './budgets.ts';
import { type Requests, sumRequests } from './standing.ts';

/** Pods to evict from a node, the most important first: the scheduler takes the first one for the one of highest priority. */
export interface Victims {
  readonly uids: readonly string[];
  /** Of these, evictions that a PodDisruptionBudget does not allow. */
  readonly violations: number;
}

/** For whom room is to be made, and where. */
export interface VictimQuestion {
  /** Of the VM that wants the room; only pods of a lower one are victims. */
  readonly priority: number;
  /** What the scheduler counts for it. */
  readonly requests: Requests;
  /** What the scheduler would evict for what it counts itself, most important first; empty when that is enough for it already. */
  readonly proposed: Victims;
  /** The scheduler may have chosen for another reason than room, so none of its choice may be let off. */
  readonly isChoosy: boolean;
  /** VMs bound to the node, as far as known. */
  readonly there: readonly BoundVm[];
  /** UIDs of VMs whose pods are gone, and that will be out of the node's report soon. */
  readonly lost: readonly string[];
  readonly budgets: readonly Budget[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Whether the VM passes our checks once these pods are gone. */
  readonly fits: (gone: ReadonlySet<string>) => boolean;
}

/** `waits`: what is leaving by itself makes room enough. `hopeless`: not even all pods of lower priority do. */
export type VictimAnswer = 'waits' | 'hopeless' | Victims;

/** A pod that has not gone so long after its grace period will perhaps never go. */
const OVERDUE_MS = 60_000;

/**
 * Whom to evict from a node so that the VM really fits there afterwards: nobody without whom it would fit too, nobody of its own priority or above.
 * What the scheduler chose stays when it is enough, or when it may have chosen for reasons of its own; otherwise others that free at least as much may go instead. Pure.
 */
export function chooseVictims(question: VictimQuestion): VictimAnswer {
  const { there, lost, proposed, fits, now, priority } = question;
  const leaving = there.filter(({ leavesBy }) => leavesBy !== undefined && leavesBy * 1000 + OVERDUE_MS > now);
  const going = new Set([...lost, ...leaving.map(({ uid }) => uid)]);
  const open = proposed.uids.filter((uid) => !going.has(uid));
  if (fits(new Set([...going, ...open]))) return open.length === 0 ? 'waits' : proposed;
  const pool = there.filter((vm) => isLower(vm, priority) && !going.has(vm.uid)).sort(byImportance);
  return instead(question, { pool, going, open }) ?? besides(question, { pool, going, open }) ?? 'hopeless';
}

/** VMs that may be evicted, most important first; those that go anyway; and what the scheduler proposed of all others. */
interface Choice {
  readonly pool: readonly BoundVm[];
  readonly going: ReadonlySet<string>;
  readonly open: readonly string[];
}

/** Others instead of those the scheduler proposed, as long as they free at least as much of what it counts. */
function instead(question: VictimQuestion, { pool, going, open }: Choice): Victims | undefined {
  if (question.isChoosy) return undefined;
  const known = pool.filter(({ uid }) => open.includes(uid));
  if (known.some(({ standing }) => standing?.repels === true)) return undefined;
  const unknown = open.filter((uid) => !known.some((vm) => vm.uid === uid));
  const due = freedBy(known);
  const isEnough = (gone: readonly BoundVm[]): boolean =>
    covers(freedBy(gone), due, question.requests) && question.fits(withThese(going, unknown, gone));
  return answer(question, unknown, fewest(pool, question.budgets, isEnough));
}

/** Those the scheduler proposed, and others. */
function besides(question: VictimQuestion, { pool, going, open }: Choice): Victims | undefined {
  const others = pool.filter(({ uid }) => !open.includes(uid));
  const isEnough = (gone: readonly BoundVm[]): boolean => question.fits(withThese(going, open, gone));
  const known = pool.filter(({ uid }) => open.includes(uid));
  const unknown = open.filter((uid) => !known.some((vm) => vm.uid === uid));
  const more = fewest(others, question.budgets, isEnough);
  return answer(question, unknown, more && [...known, ...more].sort(byImportance));
}

function withThese(going: ReadonlySet<string>, uids: readonly string[], vms: readonly BoundVm[]): ReadonlySet<string> {
  return new Set([...going, ...uids, ...vms.map(({ uid }) => uid)]);
}

/** Pods we know nothing of come first, in the order of the scheduler. */
function answer(
  { proposed, budgets }: VictimQuestion,
  unknown: readonly string[],
  vms: readonly BoundVm[] | undefined,
): Victims | undefined {
  if (vms === undefined) return undefined;
  const violations = violating(vms, budgets).size + (unknown.length === 0 ? 0 : proposed.violations);
  return { uids: [...unknown, ...vms.map(({ uid }) => uid)], violations };
}

/** As few as are enough: all, less each that can be let off. First those a budget protects are let off, then the more important. */
function fewest(
  pool: readonly BoundVm[],
  budgets: readonly Budget[],
  isEnough: (gone: readonly BoundVm[]) => boolean,
): readonly BoundVm[] | undefined {
  if (!isEnough(pool)) return undefined;
  const protectedOnes = violating(pool, budgets);
  const order = [...pool].sort((a, b) => Number(protectedOnes.has(b.uid)) - Number(protectedOnes.has(a.uid)));
  let gone = pool;
  for (let before = -1; before !== gone.length;) {
    before = gone.length;
    for (const vm of order) {
      const rest = gone.filter((one) => one !== vm);
      if (rest.length < gone.length && isEnough(rest)) gone = rest;
    }
  }
  return gone;
}

function freedBy(vms: readonly BoundVm[]): Requests {
  return sumRequests(vms.map(({ standing }) => standing?.requests ?? {}));
}

function covers(freed: Requests, due: Requests, wanted: Requests): boolean {
  return Object.keys(wanted).every((name) => (freed[name] ?? 0) >= (due[name] ?? 0));
}

function isLower({ standing }: BoundVm, priority: number): boolean {
  return standing !== undefined && standing.priority < priority;
}

/** As kube-scheduler orders victims: higher priority first, then whoever has run for longer (util.MoreImportantPod). */
export function byImportance(a: BoundVm, b: BoundVm): number {
  return (b.standing?.priority ?? 0) - (a.standing?.priority ?? 0) || (a.since ?? 0) - (b.since ?? 0);
}
