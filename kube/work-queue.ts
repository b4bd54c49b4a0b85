import type { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';

/** What a reconciler may ask for. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number;
}

/** What a work queue needs. */
export interface WorkQueueOptions {
  /** Brings one key to its wanted state. A throw means: again, after the key's own back-off. */
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
  addAfter(key: string, ms: number): void;
  /** Keys waiting or running (delayed ones not counted). */
  size(): number;
  /** Takes no more, drops delayed keys, finishes waiting and running ones. */
  stop(): Promise<void>;
}

/** A queue that is running. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  throw new Error(`being written: ${options.workers}`);
}
