/** More kinds than a cluster has; then it begins anew, at the price of memory alone. */
const MAX_SHARED = 20_000;

/** One object in memory for all that are equal: the same key gives what was made for it first. */
export function createShared<T>(): (key: string, make: () => T) => T {
  const known = new Map<string, T>();
  return (key, make) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= MAX_SHARED) known.clear();
    const value = make();
    known.set(key, value);
    return value;
  };
}
