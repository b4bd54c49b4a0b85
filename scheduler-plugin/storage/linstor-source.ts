import { messageOf } from '../../runtime/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Source } from '../sources/source.ts';
import type { Copies } from './copies.ts';
import { linstorCopies } from './linstor.ts';

/** Asks for a JSON document; rejects on any answer but 200. */
export type FetchJson = (url: string, signal: AbortSignal) => Promise<unknown>;

export interface LinstorOptions {
  /** Of LINSTOR's controller, such as `http://linstor-controller.piraeus-datastore:3370`. */
  readonly url: string;
  /** Between the end of one poll and the next; milliseconds. */
  readonly everyMs: number;
  readonly fetch: FetchJson;
  readonly copies: Copies;
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

/** Follows where LINSTOR's resources are by asking its controller from time to time. An error leaves what was known, which ages. */
export function createLinstorSource(options: LinstorOptions): Source {
  const stopping = new AbortController();
  let heardAt: number | undefined;
  let running: Promise<void> | undefined;
  let known: ReadonlySet<string> = new Set();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const found = await poll(options, known, stopping.signal);
      if (found !== undefined) {
        known = found;
        heardAt = options.clock.now();
      }
      await options.clock.sleep(options.everyMs, stopping.signal);
    }
  };
  return {
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
}

/** Keys of what is there now; undefined = it could not be asked. */
async function poll(
  { url, fetch, copies, clock, log }: LinstorOptions,
  known: ReadonlySet<string>,
  stop: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  const attempt = new AbortController();
  const give = (): void => attempt.abort();
  stop.addEventListener('abort', give);
  const timer = clock.timer(TIMEOUT_MS, give);
  try {
    const found = linstorCopies(await fetch(`${url.replace(/\/+$/, '')}/v1/view/resources`, attempt.signal));
    if (found === undefined) throw new Error('the answer is no list of resources');
    for (const key of known) if (!found.has(key)) copies.set(key, undefined);
    for (const [key, copy] of found) copies.set(key, copy);
    return new Set(found.keys());
  } catch (error) {
    if (!stop.aborted) log.warn({ reason: messageOf(error) }, 'LINSTOR cannot be asked where volumes are; trying again');
    return undefined;
  } finally {
    timer.cancel();
    stop.removeEventListener('abort', give);
  }
}
