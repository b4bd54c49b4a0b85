import type { Clock } from '../../runtime/clock.ts';

/** A clock that stands still until told otherwise. */
export interface FakeClock extends Clock {
  /** Lets `ms` pass: fires what is due, in order, and lets promises settle in between. */
  advance(ms: number): Promise<void>;
  /** Lets promises and I/O callbacks settle without time passing. */
  settle(): Promise<void>;
  /** How many timers and sleeps wait. */
  pending(): number;
}

interface Waiting {
  readonly at: number;
  readonly fire: () => void;
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** Starts at `start` (ms since the epoch). */
export function createFakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let now = start;
  const waiting = new Set<Waiting>();
  const timer = (ms: number, fn: () => void): { cancel(): void } => {
    const entry = { at: now + Math.max(0, ms), fire: fn };
    waiting.add(entry);
    return { cancel: () => void waiting.delete(entry) };
  };
  const nextDue = (until: number): Waiting | undefined =>
    [...waiting]
      .filter((entry) => entry.at <= until)
      .reduce<Waiting | undefined>((a, b) => (a === undefined || b.at < a.at ? b : a), undefined);
  return {
    now: () => now,
    timer,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const onAbort = (): void => {
          handle.cancel();
          resolve();
        };
        const handle = timer(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    advance: async (ms) => {
      const until = now + ms;
      await settle();
      for (let due = nextDue(until); due !== undefined; due = nextDue(until)) {
        waiting.delete(due);
        now = due.at;
        due.fire();
        await settle();
      }
      now = until;
    },
    settle,
    pending: () => waiting.size,
  };
}
