import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import type { KubeClient, Query } from './client.ts';
import type { KubeObject } from './objects.ts';

/** What a reflector needs. */
export interface ReflectorOptions<T> {
  readonly client: KubeClient;
  /** Collection path, see {@link pathOf}. */
  readonly path: string;
  /** `labelSelector`, `fieldSelector`: watch only what is needed. */
  readonly query?: Query;
  /** What to keep of an object (default: all of it). `managedFields` are gone already. */
  readonly keep?: (raw: KubeObject) => T;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** After each change of the cache; undefined = deleted. Should only enqueue the key. What it throws is logged. */
  readonly onChange?: (key: string, object: T | undefined) => void;
}

/** A local, read-only, eventually right copy of a collection. Keys are `namespace/name` or `name`. */
export interface Reflector<T> {
  start(): void;
  stop(): Promise<void>;
  /** True once a whole list has arrived. */
  synced(): boolean;
  /** Resolves once {@link synced}. */
  whenSynced(): Promise<void>;
  get(key: string): T | undefined;
  list(): T[];
}

/** Lists, then watches, forever. */
export function createReflector<T = KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
  throw new Error(`being written: ${options.path}`);
}
