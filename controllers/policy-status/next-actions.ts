/** How the writes of one policy's status are paced: changes are collected for a moment, and writes are some time apart. */

/** Where a policy's status stands. */
export interface PaceState {
  /** A wake-up is under way, after which everything known by then is offered. */
  readonly waiting: boolean;
  /** Not to be written before. Milliseconds since the epoch. */
  readonly notBefore: number;
}

/** `changed`: something about the policy or its pods; `written`: the status in the cluster changed, whoever wrote it; `time`: the wake-up. */
export type PaceEvent = 'changed' | 'written' | 'time';

/** `offer`: compare the status with what it should be, and have it written if it differs. */
export type PaceAction = { readonly do: 'wake'; readonly afterMs: number } | { readonly do: 'offer' };

/** Milliseconds. */
export interface PaceTimes {
  /** Changes come in bursts: a Deployment's pods, a namespace's. */
  readonly settleMs: number;
  /** Between two writes. */
  readonly intervalMs: number;
}

/** Nothing to tell yet. */
export const INITIAL_PACE: PaceState = { waiting: false, notBefore: 0 };

/** The state after an event, and what to do. */
export function nextActions(
  state: PaceState,
  event: PaceEvent,
  now: number,
  { settleMs, intervalMs }: PaceTimes,
): { readonly state: PaceState; readonly actions: readonly PaceAction[] } {
  if (event === 'time') return { state: { ...state, waiting: false }, actions: [{ do: 'offer' }] };
  const notBefore = event === 'written' ? now + intervalMs : state.notBefore;
  if (state.waiting) return { state: { ...state, notBefore }, actions: [] };
  // No longer than ever, should the clock have been set back.
  const afterMs = Math.max(settleMs, Math.min(notBefore - now, intervalMs));
  return { state: { waiting: true, notBefore }, actions: [{ do: 'wake', afterMs }] };
}
