import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { createCache, type Cache, type Change, type Keep } from './cache.ts';
import type { KubeClient, Query } from './client.ts';
import { isNotFound, KubeError } from './errors.ts';
import { listAll } from './list-pages.ts';
import { keyOf, type KubeObject } from './objects.ts';
import { nextReflectorStep, type ReflectorOutcome, type ReflectorState } from './reflector-plan.ts';
import { watchOnce } from './watch-once.ts';

/** What a reflector needs. */
export interface ReflectorOptions<T> {
  readonly client: KubeClient;
  /** Collection path, see `pathOf` in paths.ts. */
  readonly path: string;
  /** `labelSelector`, `fieldSelector`: watch only what is needed. */
  readonly query?: Query;
  /** What to keep of an object (default: all of it); undefined or a throw = leave it out. `managedFields` are gone already. */
  readonly keep?: (raw: KubeObject) => T | undefined;
  /** The kind may not be installed (a CRD): then the collection is empty until it is (looked for every half minute), and that is no fault. */
  readonly mayBeAbsent?: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** After each change of the cache; undefined = deleted. Should only enqueue the key. What it throws is logged. */
  readonly onChange?: (key: string, object: T | undefined) => void;
}

/** A local, read-only, eventually right copy of a collection. Keys are `namespace/name` or `name`. */
export interface Reflector<T> {
  start(): void;
  /** Resolves when the last request has ended. */
  stop(): Promise<void>;
  /** True once a whole list has arrived. */
  synced(): boolean;
  /** False after a list that found the kind not installed. */
  present(): boolean;
  /** When a list, event or bookmark last came. Milliseconds since the epoch; undefined = never. */
  heardAt(): number | undefined;
  /** Resolves once {@link Reflector.synced}; never, if stopped before. */
  whenSynced(): Promise<void>;
  get(key: string): T | undefined;
  list(): T[];
}

interface Running<T> {
  readonly options: ReflectorOptions<T>;
  readonly cache: Cache<T>;
  readonly signal: AbortSignal;
  /** A list came to its end; false: the kind is not installed. */
  readonly onList: (present: boolean) => void;
  readonly onHeard: () => void;
}

/** Lists, then watches, forever: through restarts, outages and compactions of the API server. */
export function createReflector<T = KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
  const cache = createCache(safely(options));
  const stopping = new AbortController();
  const synced = Promise.withResolvers<undefined>();
  let isSynced = false;
  let isPresent = true;
  let heardAt: number | undefined;
  let loop: Promise<void> | undefined;
  const onHeard = (): void => {
    heardAt = options.clock.now();
  };
  const onList = (present: boolean): void => {
    isSynced = true;
    isPresent = present;
    onHeard();
    synced.resolve(undefined);
  };
  return {
    start: () => {
      loop ??= run({ options, cache, signal: stopping.signal, onList, onHeard });
    },
    stop: async () => {
      stopping.abort();
      await loop;
    },
    synced: () => isSynced,
    present: () => isPresent,
    heardAt: () => heardAt,
    whenSynced: () => synced.promise,
    get: (key) => cache.get(key),
    list: () => cache.list(),
  };
}

/** One odd object must not keep all others out of the cache. */
function safely<T>({ keep, log, path }: ReflectorOptions<T>): Keep<T> {
  if (keep === undefined) return (raw) => raw as T;
  return (raw) => {
    try {
      return keep(raw);
    } catch (error) {
      log.error({ path, key: keyOf(raw), err: error }, 'an object could not be read; left out');
      return undefined;
    }
  };
}

async function run<T>(running: Running<T>): Promise<void> {
  const { options, signal } = running;
  let state: ReflectorState = { version: undefined, failures: 0 };
  while (!signal.aborted) {
    const outcome = state.version === undefined ? await list(running) : await watch(running, state.version);
    const next = nextReflectorStep(state, outcome, options.random);
    logOutcome(options, outcome, next.delayMs);
    state = next.state;
    if (next.delayMs > 0) await options.clock.sleep(next.delayMs, signal);
  }
}

function logOutcome<T>({ log, path, mayBeAbsent }: ReflectorOptions<T>, outcome: ReflectorOutcome, delayMs: number): void {
  if (outcome.kind === 'listed' || outcome.error === undefined || outcome.error.reason === 'Aborted') return;
  if (mayBeAbsent === true && outcome.error.status === 404) return log.debug({ path }, 'the kind is not installed');
  const fields = { path, status: outcome.error.status, reason: outcome.error.message, delayMs: Math.round(delayMs) };
  if (outcome.kind === 'watched' && outcome.healthy) log.debug(fields, 'watch ended; resuming');
  else log.warn(fields, 'cannot list or watch; trying again');
}

async function list<T>({ options, cache, signal, onList }: Running<T>): Promise<ReflectorOutcome> {
  try {
    const { client, path, query = {} } = options;
    const replacement = cache.replace();
    const version = await listAll(client, { path, query }, replacement, signal);
    for (const change of replacement.commit()) tell(options, change);
    onList(true);
    return { kind: 'listed', version };
  } catch (error) {
    if (options.mayBeAbsent === true && isNotFound(error)) {
      for (const change of cache.replace().commit()) tell(options, change);
      onList(false);
    }
    return { kind: 'list-failed', error: asKubeError(error) };
  }
}

function watch<T>({ options, cache, signal, onHeard }: Running<T>, version: string): Promise<ReflectorOutcome> {
  return watchOnce({
    ...options,
    version,
    signal,
    onHeard,
    onObject: (type, object) => tell(options, type === 'DELETED' ? cache.remove(object) : cache.set(object)),
  });
}

function tell<T>({ onChange, log }: ReflectorOptions<T>, { key, object }: Change<T>): void {
  try {
    onChange?.(key, object);
  } catch (error) {
    log.error({ key, err: error }, 'a change handler threw');
  }
}

/** A bug here must look like a failed list: logged, retried, never the end of the loop. */
function asKubeError(error: unknown): KubeError {
  return error instanceof KubeError ? error : new KubeError(0, 'Internal', messageOf(error), { cause: error });
}
