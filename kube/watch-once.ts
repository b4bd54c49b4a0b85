import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import type { KubeClient, Query, WatchEvent } from './client.ts';
import { KubeError } from './errors.ts';
import { errorOfStatus } from './status.ts';
import type { KubeObject } from './objects.ts';
import type { ReflectorOutcome } from './reflector-plan.ts';

/** What one watch needs. */
export interface WatchOptions {
  readonly client: KubeClient;
  readonly path: string;
  readonly query?: Query;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly onObject: (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject) => void;
  /** After each event, bookmarks included. */
  readonly onHeard?: () => void;
}

/** Bookmarks come about once a minute, so this much silence means a dead connection that TCP has not noticed. */
const SILENCE_MS = 90_000;
/** A watch that lived this long was real even if nothing happened. */
const HEALTHY_MS = 10_000;
/** The server ends each watch after 4 to 8 minutes (client-go: 5 to 10), at random so that clients spread over API servers. */
const TIMEOUT_SECONDS = 240;

/** Follows one watch to its end. Never throws. */
export async function watchOnce(options: WatchOptions): Promise<Extract<ReflectorOutcome, { kind: 'watched' }>> {
  const { clock, signal } = options;
  const begun = clock.now();
  const progress = { version: options.version, events: 0 };
  const guard = silenceGuard(clock, signal);
  const error = await follow(options, progress, guard).then(
    () => undefined,
    (thrown: unknown) =>
      guard.silent() ? new KubeError(0, 'Timeout', `the watch was silent for ${SILENCE_MS / 1000} s`) : asError(thrown),
  );
  guard.end();
  const healthy = progress.events > 0 || clock.now() - begun >= HEALTHY_MS;
  return { kind: 'watched', version: progress.version, healthy, ...(error === undefined ? {} : { error }) };
}

const asError = (thrown: unknown): KubeError =>
  thrown instanceof KubeError ? thrown : new KubeError(0, 'Internal', messageOf(thrown), { cause: thrown });

interface SilenceGuard {
  readonly signal: AbortSignal;
  heard(): void;
  silent(): boolean;
  end(): void;
}

function silenceGuard(clock: Clock, stop: AbortSignal): SilenceGuard {
  const attempt = new AbortController();
  let silent = false;
  const onSilence = (): void => {
    silent = true;
    attempt.abort();
  };
  let timer = clock.timer(SILENCE_MS, onSilence);
  const onStop = (): void => attempt.abort();
  stop.addEventListener('abort', onStop);
  if (stop.aborted) onStop();
  return {
    signal: attempt.signal,
    silent: () => silent,
    heard: () => {
      timer.cancel();
      timer = clock.timer(SILENCE_MS, onSilence);
    },
    end: () => {
      timer.cancel();
      stop.removeEventListener('abort', onStop);
      attempt.abort();
    },
  };
}

async function follow(options: WatchOptions, progress: { version: string; events: number }, guard: SilenceGuard): Promise<void> {
  const query: Query = {
    ...options.query,
    resourceVersion: options.version,
    allowWatchBookmarks: true,
    timeoutSeconds: TIMEOUT_SECONDS + Math.floor(options.random() * TIMEOUT_SECONDS),
  };
  for await (const event of options.client.stream(options.path, query, guard.signal)) {
    guard.heard();
    takeEvent(event, progress, options);
    options.onHeard?.();
  }
}

function takeEvent(event: WatchEvent, progress: { version: string; events: number }, { onObject }: WatchOptions): void {
  if (event.type === 'ERROR') throw errorOfStatus(event.object, 'the watch reported an error');
  const object = event.object as unknown as KubeObject;
  if (event.type !== 'BOOKMARK') onObject(event.type, object);
  progress.events += 1;
  // Only after the handler: a change that was not taken in must come again.
  progress.version = object.metadata.resourceVersion ?? progress.version;
}
