import { backoffMs, type Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { isConflict, retryAfterOf } from './errors.ts';

/** What a reconciler may ask for. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number;
}

/** What a work queue needs. */
export interface WorkQueueOptions {
  /** Brings one key to its wanted state. A throw means: again, after the key's own back-off (or the Retry-After of a KubeError). */
  readonly reconcile: (key: string) => Promise<ReconcileResult | undefined | void>; // eslint-disable-line @typescript-eslint/no-invalid-void-type
  /** How many keys run at once; one key never runs twice at once. */
  readonly workers: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Per key; default 0.2 s doubling to 5 min. */
  readonly backoff?: Backoff;
}

/** Keys to reconcile, with client-go's promises: a waiting key is there once; a key added while it runs runs again after. */
export interface WorkQueue {
  add(key: string): void;
  /** Adds later. Of several delays for one key the soonest counts. */
  addAfter(key: string, ms: number): void;
  /** Keys waiting or running (delayed ones not counted). */
  size(): number;
  /** Takes no more, drops delayed keys, finishes waiting and running ones. */
  stop(): Promise<void>;
}

const DEFAULT_BACKOFF: Backoff = { baseMs: 200, maxMs: 300_000 };

interface Delayed {
  readonly at: number;
  cancel(): void;
}

interface QueueState {
  readonly options: WorkQueueOptions;
  /** In order of arrival. */
  readonly waiting: Set<string>;
  readonly running: Set<string>;
  /** Added while running. */
  readonly again: Set<string>;
  readonly delayed: Map<string, Delayed>;
  /** Failures in a row; only keys that fail are here. */
  readonly failures: Map<string, number>;
  readonly idle: (() => void)[];
  stopping: boolean;
}

/** A queue that is running. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const state: QueueState = {
    options,
    waiting: new Set(),
    running: new Set(),
    again: new Set(),
    delayed: new Map(),
    failures: new Map(),
    idle: [],
    stopping: false,
  };
  return {
    add: (key) => add(state, key),
    addAfter: (key, ms) => addAfter(state, key, ms),
    size: () => state.waiting.size + state.running.size,
    stop: () => stop(state),
  };
}

function add(state: QueueState, key: string): void {
  if (state.stopping) return;
  if (state.running.has(key)) state.again.add(key);
  else state.waiting.add(key);
  // Not at once: whoever adds is often in the middle of something (a handler of the reflector).
  queueMicrotask(() => startWorkers(state));
}

function addAfter(state: QueueState, key: string, ms: number): void {
  if (state.stopping) return;
  const at = state.options.clock.now() + ms;
  const known = state.delayed.get(key);
  if (known !== undefined && known.at <= at) return;
  known?.cancel();
  const timer = state.options.clock.timer(ms, () => {
    state.delayed.delete(key);
    add(state, key);
  });
  state.delayed.set(key, { at, cancel: () => timer.cancel() });
}

function startWorkers(state: QueueState): void {
  for (const key of state.waiting) {
    if (state.running.size >= state.options.workers) return;
    state.waiting.delete(key);
    state.running.add(key);
    void work(state, key);
  }
  if (state.waiting.size + state.running.size === 0) for (const resolve of state.idle.splice(0)) resolve();
}

async function work(state: QueueState, key: string): Promise<void> {
  try {
    const result = (await state.options.reconcile(key)) ?? {};
    state.failures.delete(key);
    if (result.requeueAfterMs !== undefined) addAfter(state, key, result.requeueAfterMs);
  } catch (error) {
    retryLater(state, key, error);
  }
  state.running.delete(key);
  if (state.again.delete(key)) state.waiting.add(key);
  startWorkers(state);
}

function retryLater(state: QueueState, key: string, error: unknown): void {
  const { log, random, backoff = DEFAULT_BACKOFF } = state.options;
  const failures = (state.failures.get(key) ?? 0) + 1;
  state.failures.set(key, failures);
  const delayMs = Math.max(retryAfterOf(error) ?? 0, backoffMs(failures, backoff, random));
  const fields = { key, reason: messageOf(error), failures, delayMs: Math.round(delayMs) };
  // Somebody else wrote first: daily life, not news.
  if (isConflict(error)) log.debug(fields, 'reconcile met a conflict; again');
  else log.warn(fields, 'reconcile failed; again');
  addAfter(state, key, delayMs);
}

async function stop(state: QueueState): Promise<void> {
  state.stopping = true;
  for (const delayed of state.delayed.values()) delayed.cancel();
  state.delayed.clear();
  const idle = new Promise<void>((resolve) => state.idle.push(resolve));
  startWorkers(state);
  await idle;
}
