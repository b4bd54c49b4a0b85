import { microTime } from './micro-time.ts';
import type { KubeObject } from './objects.ts';

/** spec of a coordination.k8s.io/v1 Lease. */
export interface LeaseSpec {
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  readonly acquireTime?: string | null;
  readonly renewTime?: string | null;
  readonly leaseTransitions?: number | null;
  readonly [field: string]: unknown;
}

/** A Lease as read. */
export interface Lease extends KubeObject {
  readonly spec?: LeaseSpec;
}

/** What one candidate knows. All times are its own clock's: clocks of other machines are never compared with it. */
export interface LeaseState {
  readonly identity: string;
  readonly durationMs: number;
  readonly leading: boolean;
  /** When the last successful write was begun. */
  readonly renewedAt: number;
  /** The lease as last read, and when it was first read so. A lease that does not change for its duration is up for grabs. */
  readonly seen?: { readonly spec: string; readonly since: number };
}

/** What to do with the lease. */
export type LeaseAction =
  | { readonly do: 'create' | 'update'; readonly spec: LeaseSpec }
  | { readonly do: 'wait' }
  | { readonly do: 'step-down'; readonly reason: string };

/** A leader that could not renew for this long stops, well before others may take over. */
export function renewDeadlineMs(durationMs: number): number {
  return (durationMs * 2) / 3;
}

/** What a candidate does next. `observed`: the lease, `missing` (404), or `unknown` when it could not be read or written. */
export function nextLeaseAction(
  state: LeaseState,
  observed: Lease | 'missing' | 'unknown',
  now: number,
): { readonly state: LeaseState; readonly action: LeaseAction } {
  if (observed === 'unknown') return { state, action: whileBlind(state, now) };
  if (observed === 'missing') return { state: forget(state), action: { do: 'create', spec: claim(state, {}, now) } };
  const next = see(state, observed.spec ?? {}, now);
  return { state: next, action: decide(next, observed.spec ?? {}, now) };
}

function decide(state: LeaseState, spec: LeaseSpec, now: number): LeaseAction {
  const holder = spec.holderIdentity ?? '';
  if (holder === state.identity || holder === '') return { do: 'update', spec: claim(state, spec, now) };
  if (state.leading) return { do: 'step-down', reason: `${holder} holds the lease` };
  const theirDurationMs = (spec.leaseDurationSeconds ?? 0) * 1000 || state.durationMs;
  const expired = now - (state.seen?.since ?? now) >= theirDurationMs;
  return expired ? { do: 'update', spec: claim(state, spec, now) } : { do: 'wait' };
}

function whileBlind(state: LeaseState, now: number): LeaseAction {
  if (!state.leading || now - state.renewedAt < renewDeadlineMs(state.durationMs)) return { do: 'wait' };
  return { do: 'step-down', reason: `the lease could not be renewed for ${renewDeadlineMs(state.durationMs) / 1000} s` };
}

function see(state: LeaseState, spec: LeaseSpec, now: number): LeaseState {
  const text = JSON.stringify(spec);
  return state.seen?.spec === text ? state : { ...state, seen: { spec: text, since: now } };
}

function forget({ identity, durationMs, leading, renewedAt }: LeaseState): LeaseState {
  return { identity, durationMs, leading, renewedAt };
}

/** The spec with us as holder; fields we do not know stay. */
function claim({ identity, durationMs }: LeaseState, spec: LeaseSpec, now: number): LeaseSpec {
  const renewal = {
    ...spec,
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    renewTime: microTime(now),
  };
  if (spec.holderIdentity === identity) return renewal;
  const { leaseTransitions } = spec;
  return { ...renewal, acquireTime: microTime(now), leaseTransitions: leaseTransitions == null ? 0 : leaseTransitions + 1 };
}

/** The spec that gives the lease back: no holder, and a short life for candidates that do not know what that means. */
export function releasedSpec(spec: LeaseSpec, now: number): LeaseSpec {
  return { ...spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(now) };
}
