import { keyOf, type KubeMeta, type KubeObject } from './objects.ts';

/** One change of a cache; undefined = gone. */
export interface Change<T> {
  readonly key: string;
  readonly object: T | undefined;
}

/** What is remembered of an object besides what the owner keeps. */
interface Entry<T> {
  readonly version: Version;
  readonly object: T;
}

/** A number where the text is one, because it takes no memory of its own. The version is opaque, but equal is equal. */
type Version = string | number | undefined;

/** A whole list that arrives page by page. Nothing is seen of it before the end, and of a page only what is kept outlives it. */
export interface Replacement<T> {
  add(objects: readonly KubeObject[]): void;
  /** Forgets the pages so far: the list begins anew. */
  restart(): void;
  /** The list is whole: what differs from before, deletions included. Objects of the same version are no change. */
  commit(): Change<T>[];
}

/** A keyed copy of a collection that turns lists and events into changes. */
export interface Cache<T> {
  replace(): Replacement<T>;
  set(object: KubeObject): Change<T>;
  remove(object: KubeObject): Change<T>;
  get(key: string): T | undefined;
  list(): T[];
}

/** What to remember of an object; undefined = leave it out. */
export type Keep<T> = (raw: KubeObject) => T | undefined;

/** An empty cache. */
export function createCache<T>(keep: Keep<T>): Cache<T> {
  let entries = new Map<string, Entry<T>>();
  return {
    replace: () => {
      const next = new Map<string, Entry<T>>();
      return {
        add: (objects) => {
          for (const raw of objects) {
            const entry = entryOf(raw, entries, keep);
            if (entry !== undefined) next.set(keyOf(raw), entry);
          }
        },
        restart: () => next.clear(),
        commit: () => {
          const before = entries;
          entries = next;
          return differences(before, next);
        },
      };
    },
    set: (raw) => {
      const entry = entryOf(raw, new Map<string, Entry<T>>(), keep);
      if (entry === undefined) entries.delete(keyOf(raw));
      else entries.set(keyOf(raw), entry);
      return { key: keyOf(raw), object: entry?.object };
    },
    remove: (raw) => {
      entries.delete(keyOf(raw));
      return { key: keyOf(raw), object: undefined };
    },
    get: (key) => entries.get(key)?.object,
    list: () => Array.from(entries.values(), ({ object }) => object),
  };
}

function entryOf<T>(raw: KubeObject, before: ReadonlyMap<string, Entry<T>>, keep: Keep<T>): Entry<T> | undefined {
  const version = versionOf(raw);
  const known = before.get(keyOf(raw));
  // Keep the object's identity, so nobody sees a change where there is none.
  if (known !== undefined && version !== undefined && known.version === version) return known;
  const object = keep(withoutManagedFields(raw));
  return object === undefined ? undefined : { version, object };
}

function versionOf({ metadata: { resourceVersion: text } }: KubeObject): Version {
  const value = Number(text);
  return Number.isSafeInteger(value) && String(value) === text ? value : text;
}

function differences<T>(before: ReadonlyMap<string, Entry<T>>, after: ReadonlyMap<string, Entry<T>>): Change<T>[] {
  const gone = Array.from(before.keys()).filter((key) => !after.has(key));
  const changed = Array.from(after).filter(([key, entry]) => before.get(key) !== entry);
  return [...gone.map((key) => ({ key, object: undefined })), ...changed.map(([key, { object }]) => ({ key, object }))];
}

/** `managedFields` is often half of an object, and no cache reader needs it. */
function withoutManagedFields(raw: KubeObject): KubeObject {
  const fields = Object.entries(raw.metadata).filter(([name]) => name !== 'managedFields');
  return { ...raw, metadata: Object.fromEntries(fields) as unknown as KubeMeta };
}
