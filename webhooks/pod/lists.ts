/** Small edits of the lists in a pod. All return the same array when nothing changes, so that a patch comes out empty. */

/** Puts `entry` where an entry with its name is, else at the end. */
export function withNamed<T extends { readonly name: string }>(list: readonly T[] | undefined, entry: T): readonly T[] {
  const index = (list ?? []).findIndex((one) => one.name === entry.name);
  return index < 0 ? [...(list ?? []), entry] : (list ?? []).with(index, entry);
}

/** Leaves out what `drop` names; an array that had nothing to drop stays itself. */
export function without<T>(list: readonly T[] | undefined, drop: (entry: T) => boolean): readonly T[] | undefined {
  return list?.some(drop) === true ? list.filter((entry) => !drop(entry)) : list;
}

/** The object with `key` set, or without it when `value` is undefined (JSON has no undefined, and a patch must not invent it). */
export function withField<T extends object, K extends keyof T>(object: T, key: K, value: T[K] | undefined): T {
  if (value === undefined) {
    return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key)) as T;
  }
  return { ...object, [key]: value };
}
