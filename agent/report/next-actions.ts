import type { NodeReportStatus } from '../../api/node-report.ts';
import { weighChange } from './weigh-change.ts';

/** All that decides when a report is written. Times in milliseconds since the epoch. */
export interface ReportState {
  /** The report as the node is now; undefined = not read yet. */
  readonly latest?: NodeReportStatus;
  /** A VM is about to run: what is read now is half a change. */
  readonly starting: boolean;
  /** What the API server has, by our last look or write; undefined = not looked yet. */
  readonly stored?: Stored;
  /** When `latest` was first seen to matter. */
  readonly changedAt?: number;
  readonly writtenAt?: number;
  /** When `stored` was last known to be true. */
  readonly checkedAt: number;
  /** A request is on its way. */
  readonly busy: boolean;
  readonly failures: number;
  readonly retryAt: number;
}

/** What the API server has: the object or none, with a status or none. */
export interface Stored {
  readonly exists: boolean;
  readonly status: NodeReportStatus | undefined;
}

export type ReportEvent =
  | { readonly type: 'facts'; readonly status: NodeReportStatus; readonly starting: boolean }
  | ({ readonly type: 'loaded' } & Stored)
  | { readonly type: 'written'; readonly status: NodeReportStatus }
  /** `waitMs`: back-off, or what the server asked for. */
  | { readonly type: 'failed'; readonly waitMs: number }
  | { readonly type: 'time' };

export type ReportAction =
  | { readonly type: 'load' }
  /** `create`: make the object first. */
  | { readonly type: 'write'; readonly status: NodeReportStatus; readonly create: boolean }
  /** Say `time` then; takes the place of an earlier one. */
  | { readonly type: 'wake'; readonly afterMs: number };

/** A state and what to do about it. */
export interface ReportDecision {
  readonly state: ReportState;
  readonly actions: readonly ReportAction[];
}

/** Between two writes. */
export const WRITE_MS = 10_000;
/** Between two writes of drift. */
export const DRIFT_MS = 60_000;
/** VMs that start together make one write. */
export const SETTLE_MS = 2000;
/** A start that goes on and on holds back the report of what else changed no longer than this. */
export const STARTING_MS = 20_000;
/** How often we look whether somebody deleted or changed the report. */
export const CHECK_MS = 60_000;

export const INITIAL_REPORT_STATE: ReportState = { starting: false, checkedAt: 0, busy: false, failures: 0, retryAt: 0 };

/** Decides when the report is looked at and written: on change, not more often than every ten seconds, and never when it is equal. */
export function nextActions(state: ReportState, event: ReportEvent, now: number): ReportDecision {
  const heard = withChange(hear(state, event, now), now);
  if (heard.busy) return { state: heard, actions: [] };
  if (now < heard.retryAt) return { state: heard, actions: [{ type: 'wake', afterMs: heard.retryAt - now }] };
  if (heard.stored === undefined || now >= heard.checkedAt + CHECK_MS) return ask(heard, { type: 'load' });
  const due = dueAt(heard, heard.stored);
  if (heard.latest !== undefined && now >= due)
    return ask(heard, { type: 'write', status: heard.latest, create: !heard.stored.exists });
  return { state: heard, actions: [{ type: 'wake', afterMs: Math.min(due, heard.checkedAt + CHECK_MS) - now }] };
}

function ask(state: ReportState, action: ReportAction): ReportDecision {
  return { state: { ...state, busy: true }, actions: [action] };
}

function hear(state: ReportState, event: ReportEvent, now: number): ReportState {
  switch (event.type) {
    case 'time':
      return state;
    case 'facts':
      return { ...state, latest: event.status, starting: event.starting };
    case 'loaded':
      return { ...calm(state, now), stored: { exists: event.exists, status: event.status }, ...writtenBefore(state, event) };
    case 'written':
      return { ...calm(state, now), stored: { exists: true, status: event.status }, writtenAt: now };
    case 'failed':
      return { ...state, busy: false, failures: state.failures + 1, retryAt: now + event.waitMs };
  }
}

function calm(state: ReportState, now: number): ReportState {
  return { ...state, busy: false, failures: 0, retryAt: now, checkedAt: now };
}

/** An agent that was restarted does not write sooner for it. */
function writtenBefore({ writtenAt }: ReportState, { status }: Stored): { writtenAt?: number } {
  const before = writtenAt ?? Date.parse(status?.observedTime ?? '');
  return Number.isFinite(before) ? { writtenAt: before } : {};
}

function withChange(state: ReportState, now: number): ReportState {
  const { latest, stored, changedAt, ...rest } = state;
  const base = { ...rest, ...(latest === undefined ? {} : { latest }), ...(stored === undefined ? {} : { stored }) };
  if (latest === undefined || stored === undefined || weightOf(latest, stored) === 'none') return base;
  return { ...base, changedAt: changedAt ?? now };
}

function weightOf(latest: NodeReportStatus, { status }: Stored): 'none' | 'drift' | 'change' {
  return status === undefined ? 'change' : weighChange(status, latest);
}

/** When the latest report is to be written; Infinity = it is not. */
function dueAt({ latest, starting, changedAt, writtenAt }: ReportState, stored: Stored): number {
  if (latest === undefined || changedAt === undefined) return Infinity;
  if (stored.status === undefined) return changedAt;
  const apart = weightOf(latest, stored) === 'drift' ? DRIFT_MS : WRITE_MS;
  // A clock that was set back must not silence the agent.
  const after = Math.min(writtenAt ?? 0, changedAt) + apart;
  return Math.max(after, changedAt + (starting ? STARTING_MS : SETTLE_MS));
}
