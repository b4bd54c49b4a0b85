/**
 * When to hold the lease. It is held only while there is something to write, because a resident leader would renew it for ever, and
 * an idle cluster is to see no write of ours (ADR 0013).
 */

/** Where a replica stands. */
export interface LeadershipState {
  readonly phase:
    /** Nothing to write, no lease. */
    | 'idle'
    /** There is something to write; the replica that led last goes first. */
    | 'giving-way'
    /** Wants the lease. */
    | 'campaigning'
    | 'leading'
    /** Leads with nothing left to write; what comes in a moment costs no new claim. */
    | 'lingering'
    /** Gives the lease back. */
    | 'resigning';
  /** There is something to write. */
  readonly pending: boolean;
  /** Nobody has led since we did, as far as we know. */
  readonly ledLast: boolean;
  /** When to look again, for phases that wait. Milliseconds since the epoch. */
  readonly until: number;
}

/** What happened. `time` is the wake-up asked for; `ended` follows `stop-election`. */
export type LeadershipEvent =
  { readonly kind: 'pending'; readonly pending: boolean } | { readonly kind: 'won' | 'lost' | 'time' | 'ended' };

/** What to do. A later `wake` replaces an earlier one. */
export type LeadershipAction =
  { readonly do: 'start-election' | 'stop-election' } | { readonly do: 'wake'; readonly afterMs: number };

/** How long to wait. Milliseconds. */
export interface LeadershipTimes {
  /** Between work's appearance and our candidacy when another replica may have led last; different in each replica. */
  readonly giveWayMs: number;
  /** Between the last write and giving the lease back. */
  readonly lingerMs: number;
}

interface Step {
  readonly state: LeadershipState;
  readonly actions: readonly LeadershipAction[];
}

/** A replica that has just started. */
export const INITIAL_LEADERSHIP: LeadershipState = { phase: 'idle', pending: false, ledLast: false, until: 0 };

const stay = (state: LeadershipState): Step => ({ state, actions: [] });

/** The state after an event, and what to do. */
export function nextActions(state: LeadershipState, event: LeadershipEvent, now: number, times: LeadershipTimes): Step {
  switch (event.kind) {
    case 'pending':
      return event.pending === state.pending ? stay(state) : onPending({ ...state, pending: event.pending }, now, times);
    case 'won':
      return state.phase === 'campaigning' ? onWon({ ...state, ledLast: true }, now, times) : stay(state);
    case 'lost':
      return isLead(state) ? onLost(state) : stay(state);
    case 'time':
      return onTime(state, now, times);
    case 'ended':
      return onPending({ ...state, phase: 'idle' }, now, times);
  }
}

const isLead = ({ phase }: LeadershipState): boolean => phase === 'leading' || phase === 'lingering';

function onPending(state: LeadershipState, now: number, times: LeadershipTimes): Step {
  return state.pending ? onWork(state, now, times) : onNoWork(state, now, times);
}

function onWork(state: LeadershipState, now: number, { giveWayMs }: LeadershipTimes): Step {
  if (state.phase === 'lingering') return stay({ ...state, phase: 'leading' });
  if (state.phase !== 'idle') return stay(state);
  return state.ledLast ? campaign(state) : wait({ ...state, phase: 'giving-way' }, now, giveWayMs);
}

function onNoWork(state: LeadershipState, now: number, { lingerMs }: LeadershipTimes): Step {
  if (state.phase === 'leading') return wait({ ...state, phase: 'lingering' }, now, lingerMs);
  if (state.phase === 'giving-way') return stay({ ...state, phase: 'idle' });
  // Somebody else has done it.
  return state.phase === 'campaigning' ? resign({ ...state, ledLast: false }) : stay(state);
}

function onWon(state: LeadershipState, now: number, times: LeadershipTimes): Step {
  return state.pending ? stay({ ...state, phase: 'leading' }) : wait({ ...state, phase: 'lingering' }, now, times.lingerMs);
}

function onLost(state: LeadershipState): Step {
  const after = { ...state, ledLast: false };
  // The election goes on by itself.
  return state.pending ? stay({ ...after, phase: 'campaigning' }) : resign(after);
}

function onTime(state: LeadershipState, now: number, { giveWayMs, lingerMs }: LeadershipTimes): Step {
  if (state.phase !== 'giving-way' && state.phase !== 'lingering') return stay(state);
  // A timer may be early by a part of a millisecond, or the clock was set back, perhaps by hours.
  if (now < state.until) return wait(state, now, Math.min(state.until - now, state.phase === 'lingering' ? lingerMs : giveWayMs));
  return state.phase === 'giving-way' ? campaign(state) : resign(state);
}

function campaign(state: LeadershipState): Step {
  return { state: { ...state, phase: 'campaigning' }, actions: [{ do: 'start-election' }] };
}

function resign(state: LeadershipState): Step {
  return { state: { ...state, phase: 'resigning' }, actions: [{ do: 'stop-election' }] };
}

function wait(state: LeadershipState, now: number, ms: number): Step {
  return { state: { ...state, until: now + ms }, actions: [{ do: 'wake', afterMs: Math.ceil(ms) }] };
}
