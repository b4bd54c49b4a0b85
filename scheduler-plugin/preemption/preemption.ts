import type { Log } from '../../runtime/log.ts';
import { podKey } from '../decisions.ts';
import type { GuestOutcome } from '../filter.ts';
import type { Wanted } from '../placement/wanted.ts';
import type { ExtenderPod, Verdict } from '../protocol.ts';
import type { Evictor } from './evictor.ts';
import { decodePreemption, NO_VICTIMS, preemptionReply, type PreemptionReply, type PreemptionRequest } from './messages.ts';
import { choose, type PreemptionBooks, victimsOn } from './preemptor.ts';
import { isChoosy, requestsOf, type StandingPod } from './standing.ts';

/** The extender's part in preemption. */
export interface Preemption {
  /** Answers ExtenderPreemptionArgs. What cannot be understood evicts nobody. */
  answer(body: unknown): PreemptionReply;
  /** Marks the refusals that an eviction could cure, or sees to it itself. */
  refused(pod: ExtenderPod, guest: Wanted, verdicts: readonly Verdict[]): readonly Verdict[];
}

/** What it is made of. */
export interface PreemptionOptions extends PreemptionBooks {
  readonly log: Log;
  readonly guest: (pod: ExtenderPod) => GuestOutcome;
  /** '' once every cache has been filled. */
  readonly unready: () => string;
  /** Who evicts where kube-scheduler would evict nobody itself: it, because it asks us about such nodes (kubernetes#135486); this one; or undefined, nobody. */
  readonly evictor: 'scheduler' | Pick<Evictor, 'refused' | 'settled'> | undefined;
  /** No VM pod bound anywhere has a lower priority. */
  readonly lowestPriority: () => number;
}

/** Nodes searched for victims in one filter request; the scheduler itself looks at a hundred. */
const MOST_SEARCHED = 100;

/** See {@link Preemption}. */
export function createPreemption(options: PreemptionOptions): Preemption {
  return {
    answer: (body) => answer(options, body),
    refused: (pod, guest, verdicts) => refused(options, pod, guest, verdicts),
  };
}

function answer(options: PreemptionOptions, body: unknown): PreemptionReply {
  const { log, evictor } = options;
  const asked = read(options, body);
  if (!asked.ok) {
    log.warn({ reason: asked.reason }, 'preempt request refused');
    return NO_VICTIMS;
  }
  const { pod, guest, nodes } = asked;
  const chosen = choose(options, { guest, requests: requestsOf(pod), isChoosy: isChoosy(pod) }, nodes);
  const isHelped = chosen === 'waits' || chosen.size > 0;
  log.info({ pod: podKey(pod) }, isHelped ? 'room is made for the VM' : 'no eviction would help the VM');
  if (isHelped && typeof evictor === 'object') evictor.settled(guest.uid);
  return chosen === 'waits' ? NO_VICTIMS : preemptionReply(chosen);
}

type Asked =
  ({ readonly ok: true; readonly guest: Wanted } & PreemptionRequest) | { readonly ok: false; readonly reason: string };

function read(options: PreemptionOptions, body: unknown): Asked {
  const unready = options.unready();
  if (unready !== '') return { ok: false, reason: unready };
  const request = decodePreemption(body);
  if (request === undefined) return { ok: false, reason: 'the request is not whole' };
  const outcome = options.guest(request.pod);
  return outcome.ok ? { ...request, ok: true, guest: outcome.guest } : outcome;
}

type Marker = (verdict: Verdict) => boolean;

function refused(
  options: PreemptionOptions,
  pod: ExtenderPod & StandingPod,
  guest: Wanted,
  verdicts: readonly Verdict[],
): readonly Verdict[] {
  const { evictor, nominations } = options;
  if (verdicts.some(({ reason }) => reason === '')) {
    // A request about one node alone may have come before, and been refused.
    if (typeof evictor === 'object') evictor.settled(guest.uid);
    return verdicts;
  }
  const mayEvict = evictor !== undefined && canEvict(pod, guest, options.lowestPriority());
  if (mayEvict && evictor !== 'scheduler') tell(options, evictor, { pod, guest }, verdicts);
  const isCurable = mayEvict && evictor === 'scheduler' ? curable(options, guest) : undefined;
  if (isCurable === undefined && !nominations.any()) return verdicts;
  // What is to leave a node that is kept for the VM has not gone yet: the scheduler is not to give the node up.
  const isMarked: Marker = (one) => nominations.isFor(guest.uid, one.name) || isCurable?.(one) === true;
  return verdicts.map((verdict) => (isMarked(verdict) ? { ...verdict, isCurable: true } : verdict));
}

function tell(
  options: PreemptionOptions,
  evictor: Pick<Evictor, 'refused'>,
  { pod, guest }: { pod: ExtenderPod & StandingPod; guest: Wanted },
  verdicts: readonly Verdict[],
): void {
  const names = verdicts.map((one) => one.name);
  const nodes = names.filter((name) => hasLower(options, name, guest.priority));
  const { namespace = '', name = '' } = pod.metadata ?? {};
  const preemptor = { guest, requests: requestsOf(pod), isChoosy: isChoosy(pod) };
  if (nodes.length > 0) evictor.refused({ namespace, name, preemptor, nodes });
}

function curable(options: PreemptionOptions, guest: Wanted): Marker {
  let searched = 0;
  return ({ name }) => {
    if (searched >= MOST_SEARCHED || !hasLower(options, name, guest.priority)) return false;
    searched += 1;
    return victimsOn(options, { guest, requests: {}, isChoosy: false }, name) !== 'hopeless';
  };
}

/** Whether a pod may have others evicted at all. */
function canEvict({ spec = {} }: ExtenderPod, { priority }: Wanted, lowest: number): boolean {
  return spec.preemptionPolicy !== 'Never' && priority > lowest;
}

/** Whether any VM there has a lower priority. */
function hasLower({ ledger }: PreemptionBooks, node: string, priority: number): boolean {
  for (const claim of ledger.claims(node)) {
    if ('ended' in claim && claim.standing !== undefined && claim.standing.priority < priority) return true;
  }
  return false;
}
