import { keepNewest } from '../../runtime/newest.ts';

/** What an API server was asked lately, for a short while. */
export interface ReviewCache<T> {
  /** The answer that is remembered, or on its way, or new. Failures are not remembered. */
  get(key: string, ask: () => Promise<T>): Promise<T>;
}

export interface ReviewCacheOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly keepMs: number;
  /** Answers remembered; the oldest are forgotten first. */
  readonly most: number;
}

interface Known<T> {
  readonly at: number;
  readonly answer: Promise<T>;
}

/** An empty {@link ReviewCache}. */
export function createReviewCache<T>({ now, keepMs, most }: ReviewCacheOptions): ReviewCache<T> {
  const known = new Map<string, Known<T>>();
  const forget = (key: string, one: Known<T>): void => {
    if (known.get(key) === one) known.delete(key);
  };
  return {
    get: (key, ask) => {
      const before = known.get(key);
      if (before !== undefined && now() - before.at < keepMs) return before.answer;
      const one: Known<T> = { at: now(), answer: ask() };
      keepNewest(known, key, one, most);
      one.answer.catch(() => forget(key, one));
      return one.answer;
    },
  };
}
