import type { Reflector } from '../../kube/reflector.ts';

/**
 * Something that knows facts of nodes: a kind of object of the API server, followed by a watch, or a service that is asked from time to time. What
 * it knows goes to whoever it was made for (a ledger, a cache) as it changes; nobody asks it anything inside a scheduler's request. This is
 * what is told of it.
 */
export interface Source {
  /** Label of its metrics: a few words joined by dashes, the same for every instance. */
  readonly name: string;
  start(): void;
  /** Resolves when the last request has ended. */
  stop(): Promise<void>;
  /** Whether the cluster has it: false while its kind is not installed. One that was not found is looked for again by itself. */
  present(): boolean;
  /** Whether it was read whole once, or found absent. Before, what it knows is part of the truth. */
  synced(): boolean;
  /** When it last answered: a list, an event or bookmark, a poll. Milliseconds since the epoch; undefined = never. */
  heardAt(): number | undefined;
}

/** The part of a {@link Reflector} that a source is made of. */
export type Followed = Pick<Reflector<unknown>, 'start' | 'stop' | 'present' | 'synced' | 'heardAt' | 'whenSynced'>;

/** A source of objects of the API server. */
export interface FollowedSource extends Source {
  /** Resolves once {@link Source.synced}; never, if stopped before. */
  whenSynced(): Promise<void>;
}

/** Some kinds of objects that are one source: there when all of them are, as old as the one that was silent longest. */
export function sourceOf(name: string, ...followed: readonly Followed[]): FollowedSource {
  return {
    name,
    start: () => followed.forEach((one) => one.start()),
    stop: async () => {
      await Promise.all(followed.map((one) => one.stop()));
    },
    present: () => followed.every((one) => one.present()),
    synced: () => followed.every((one) => one.synced()),
    whenSynced: async () => {
      await Promise.all(followed.map((one) => one.whenSynced()));
    },
    heardAt: () => {
      const times = followed.map((one) => one.heardAt());
      return times.every((one) => one !== undefined) ? Math.min(...times) : undefined;
    },
  };
}

/**
 * A source that was silent this long knows nothing that can be relied on. A watch hears a bookmark each minute, is given up after 90 s without, and
 * listed anew at most half a minute apart: so much silence is several failures in a row.
 */
export const MAX_AGE_MS = 5 * 60_000;

/** How long a source has been silent, in milliseconds; 0 while it is absent, undefined before it was ever heard. */
export function ageOf(source: Pick<Source, 'present' | 'heardAt'>, now: number): number | undefined {
  const at = source.heardAt();
  if (at === undefined) return undefined;
  return source.present() ? Math.max(0, now - at) : 0;
}

/** Whether what a source knows still counts: it is there, was read whole, and spoke within {@link MAX_AGE_MS}. */
export function isFresh(source: Pick<Source, 'present' | 'synced' | 'heardAt'>, now: number): boolean {
  const age = ageOf(source, now);
  return source.present() && source.synced() && age !== undefined && age <= MAX_AGE_MS;
}
