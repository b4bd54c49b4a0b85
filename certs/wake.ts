/** Lets one loop sleep until something changes. */
export interface Wake {
  now(): void;
  /** Resolves at the next {@link now}; one that came since the last call counts. */
  next(): Promise<unknown>;
}

/** A wake that nobody has called yet. */
export function createWake(): Wake {
  let waiting = Promise.withResolvers<undefined>();
  let used = false;
  return {
    now: () => waiting.resolve(undefined),
    next: () => {
      if (used) waiting = Promise.withResolvers<undefined>();
      used = true;
      return waiting.promise;
    },
  };
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
