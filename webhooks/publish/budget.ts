/** How many of something may happen: `burst` at once, and one more per `refillMs` after that. */
export interface BudgetLimits {
  readonly burst: number;
  readonly refillMs: number;
}

/** A token bucket. */
export interface Budget {
  /** Milliseconds until the next one may happen; 0 = now, and it is counted. `now` in ms since the epoch. */
  take(now: number): number;
}

export function createBudget({ burst, refillMs }: BudgetLimits): Budget {
  /** When the bucket would be full again. */
  let fullAt = Number.NEGATIVE_INFINITY;
  return {
    take: (now) => {
      const waitMs = Math.max(fullAt, now) + refillMs - burst * refillMs - now;
      if (waitMs > 0) return waitMs;
      fullAt = Math.max(fullAt, now) + refillMs;
      return 0;
    },
  };
}
