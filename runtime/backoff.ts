import type { Random } from './random.ts';

/** Exponential back-off: `baseMs` doubles per failure up to `maxMs`. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds to wait after the given number of failures in a row (1 = the first failure; 0 or less = no wait).
 * Jitter takes up to half of it away, so that many clients of one restarted server do not come back in step.
 */
export function backoffMs(failures: number, backoff: Backoff, random: Random): number {
  if (failures <= 0) return 0;
  // 2 ** 1024 is Infinity, and Math.min copes with that.
  const full = Math.min(backoff.maxMs, backoff.baseMs * 2 ** (failures - 1));
  return full * (1 - random() / 2);
}
