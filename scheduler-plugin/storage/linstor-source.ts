import { messageOf } from '../../runtime/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import { isFresh, type Source } from '../sources/source.ts';
import type { Copies, Copy } from './copies.ts';
import { linstorCopies, linstorRooms } from './linstor.ts';
import type { GroupRoom } from './pools.ts';

/** Asks for a JSON document; rejects on any answer but 200. */
export type FetchJson = (url: string, signal: AbortSignal) => Promise<unknown>;

export interface LinstorOptions {
  /** Of LINSTOR's controller, such as `http://linstor-controller.piraeus-datastore:3370`. */
  readonly url: string;
  /** Between the end of one poll and the next; milliseconds. */
  readonly everyMs: number;
  readonly fetch: FetchJson;
  readonly copies: Copies;
  /** Told all room of a node. */
  readonly tellRooms: (node: string, rooms: readonly GroupRoom[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A poll that takes longer is given up. */
const TIMEOUT_MS = 10_000;

/** {@link FetchJson} over HTTP or HTTPS; authorities beside the usual ones are named to Node.js (NODE_EXTRA_CA_CERTS). */
export async function fetchJson(url: string, signal: AbortSignal): Promise<unknown> {
  const answer = await fetch(url, { signal, headers: { accept: 'application/json' } });
  if (answer.ok) return answer.json();
  throw new Error(`HTTP status ${answer.status}`);
}

/** What was told at the last poll that succeeded. */
interface Told {
  /** Of copies. */
  readonly keys: ReadonlySet<string>;
  /** With pools. */
  readonly nodes: ReadonlySet<string>;
}
const NOTHING: Told = { keys: new Set(), nodes: new Set() };

/**
 * Follows where LINSTOR's resources are, and what its storage pools have left, by asking its controller from time to time. An error leaves what was known, which ages: copies
 * are no longer believed then (see isFresh), and rooms taken back.
 */
export function createLinstorSource(options: LinstorOptions): Source {
  const { clock, everyMs, tellRooms } = options;
  const stopping = new AbortController();
  let heardAt: number | undefined;
  let running: Promise<void> | undefined;
  let told = NOTHING;
  const source: Source = {
    name: 'linstor',
    start: () => {
      running ??= run();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    // Somebody said that it is there.
    present: () => true,
    synced: () => heardAt !== undefined,
    heardAt: () => heardAt,
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const found = await poll(options, stopping.signal);
      if (found !== undefined) {
        told = tell(options, told, found);
        heardAt = clock.now();
      } else if (told.nodes.size > 0 && !isFresh(source, clock.now())) {
        for (const node of told.nodes) tellRooms(node, []);
        told = { ...told, nodes: NOTHING.nodes };
      }
      await clock.sleep(everyMs, stopping.signal);
    }
  };
  return source;
}

interface Found {
  readonly copies: ReadonlyMap<string, Copy>;
  readonly rooms: ReadonlyMap<string, readonly GroupRoom[]>;
}

function tell({ copies, tellRooms }: LinstorOptions, before: Told, found: Found): Told {
  for (const key of before.keys) if (!found.copies.has(key)) copies.set(key, undefined);
  for (const [key, copy] of found.copies) copies.set(key, copy);
  for (const node of before.nodes) if (!found.rooms.has(node)) tellRooms(node, []);
  for (const [node, rooms] of found.rooms) tellRooms(node, rooms);
  return { keys: new Set(found.copies.keys()), nodes: new Set(found.rooms.keys()) };
}

/** undefined = it could not be asked. `cached`: its satellites are not asked in turn; so its CSI driver does, too. */
async function poll({ url, fetch, clock, log }: LinstorOptions, stop: AbortSignal): Promise<Found | undefined> {
  const attempt = new AbortController();
  const give = (): void => attempt.abort();
  stop.addEventListener('abort', give);
  const timer = clock.timer(TIMEOUT_MS, give);
  const views = `${url.replace(/\/+$/, '')}/v1/view`;
  try {
    const [resources, pools] = await Promise.all([
      fetch(`${views}/resources`, attempt.signal),
      fetch(`${views}/storage-pools?cached=true`, attempt.signal),
    ]);
    const [copies, rooms] = [linstorCopies(resources), linstorRooms(pools)];
    if (copies === undefined) throw new Error('the answer is no list of resources');
    if (rooms === undefined) throw new Error('the answer is no list of storage pools');
    return { copies, rooms };
  } catch (error) {
    if (!stop.aborted) log.warn({ reason: messageOf(error) }, 'LINSTOR cannot be asked where volumes are; trying again');
    return undefined;
  } finally {
    timer.cancel();
    // When one question failed, the other may still wait for its answer.
    give();
    stop.removeEventListener('abort', give);
  }
}
