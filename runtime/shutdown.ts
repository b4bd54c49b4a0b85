import type { Clock } from './clock.ts';
import { messageOf } from './errors.ts';
import type { Log } from './log.ts';

/** What {@link createShutdown} needs. */
export interface ShutdownOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Time between "not ready" and the first closer, so that Services stop sending first. Milliseconds. */
  readonly drainMs: number;
  /** Time for all closers together. Milliseconds. */
  readonly deadlineMs: number;
}

/** One orderly end of a process: not ready, drain, then closers in reverse order of their registration. */
export interface Shutdown {
  /** Aborts when the end begins (before the drain delay). */
  readonly signal: AbortSignal;
  /** '' while running, else the reason: fits `ready()` of the health server. */
  reason(): string;
  /** Registers a closer. Later ones close first. */
  onClose(name: string, close: () => Promise<void> | void): void;
  /** Begins the end; later calls change nothing. */
  begin(reason: string, exitCode?: number): void;
  /** Resolves with the exit code when everything is closed or the deadline has passed. */
  readonly finished: Promise<number>;
}

interface Closer {
  readonly name: string;
  readonly close: () => Promise<void> | void;
}

/** An orderly end that waits for {@link Shutdown.begin}. */
export function createShutdown(options: ShutdownOptions): Shutdown {
  const controller = new AbortController();
  const closers: Closer[] = [];
  const { promise, resolve } = Promise.withResolvers<number>();
  let reason = '';
  return {
    signal: controller.signal,
    reason: () => reason,
    onClose: (name, close) => void closers.push({ name, close }),
    begin: (why, exitCode = 0) => {
      if (reason !== '') return;
      reason = `shutting down: ${why}`;
      options.log.info({ reason: why }, 'shutting down');
      controller.abort();
      void closeAll(closers, options).then(() => resolve(exitCode));
    },
    finished: promise,
  };
}

async function closeAll(closers: readonly Closer[], { clock, log, drainMs, deadlineMs }: ShutdownOptions): Promise<void> {
  if (drainMs > 0) await clock.sleep(drainMs);
  const done = new AbortController();
  let current = '';
  const sequence = async (): Promise<void> => {
    for (const closer of closers.toReversed()) {
      current = closer.name;
      await closeOne(closer, log);
    }
    done.abort();
  };
  await Promise.race([sequence(), clock.sleep(deadlineMs, done.signal)]);
  if (!done.signal.aborted) log.warn({ closer: current }, 'shutdown deadline passed; leaving the rest');
}

async function closeOne(closer: Closer, log: Log): Promise<void> {
  try {
    await closer.close();
  } catch (error) {
    log.warn({ closer: closer.name, reason: messageOf(error) }, 'closing failed');
  }
}

/**
 * Runs until SIGTERM or SIGINT (or {@link Shutdown.begin}), closes in order and exits the process. A second signal exits
 * at once. What nobody caught is logged and ends the process with code 70: a half-dead controller helps nobody.
 */
export async function runUntilSignal(shutdown: Shutdown, log: Log): Promise<never> {
  const onSignal = (name: NodeJS.Signals): void => {
    if (shutdown.reason() !== '') process.exit(1);
    shutdown.begin(name);
  };
  const onFault = (error: unknown): void => {
    log.error({ err: error }, 'uncaught error');
    shutdown.begin('uncaught error', 70);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  process.on('uncaughtException', onFault).on('unhandledRejection', onFault);
  process.exit(await shutdown.finished);
}
