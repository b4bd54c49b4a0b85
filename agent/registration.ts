import { existsSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import { type DevicePlugin, KUBELET_SOCKET } from './device-plugin.ts';

/** Options of {@link keepRegistered}. */
export interface RegistrationOptions {
  /** The kubelet's device-plugins directory. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Starts and registers a plugin. */
  start(): Promise<DevicePlugin>;
}

/** A plugin that is registered again whenever the kubelet has started anew. */
export interface Registration {
  /** '' = the kubelet knows us, else why not. */
  reason(): string;
  close(): void;
}

const RETRY = { firstMs: 200, maxMs: 5000 };

/**
 * Keeps a plugin registered. A kubelet that starts empties its device-plugins directory, so the plugin's socket is gone with the old
 * kubelet: on a new kubelet.sock the plugin is started anew.
 */
export function keepRegistered(options: RegistrationOptions): Registration {
  const { directory, clock, log } = options;
  const socket = join(directory, KUBELET_SOCKET);
  let plugin: DevicePlugin | undefined;
  let known = '';
  let reason = 'not registered with the kubelet yet';
  let failures = 0;
  let timer: { cancel(): void } | undefined;
  let closed = false;
  let busy = false;

  const later = (ms: number): void => {
    timer?.cancel();
    if (!closed) timer = clock.timer(ms, () => void check());
  };
  const restart = async (identity: string): Promise<void> => {
    plugin?.close();
    plugin = undefined;
    plugin = await options.start();
    known = identity;
    reason = '';
    failures = 0;
    log.info({}, 'registered with the kubelet');
  };
  const check = async (): Promise<void> => {
    const identity = identityOf(socket);
    if (busy || closed || identity === known) return;
    busy = true;
    try {
      if (identity === '') reason = 'the kubelet is not there';
      else await restart(identity);
    } catch (error) {
      reason = `registration with the kubelet failed: ${messageOf(error)}`;
      failures += 1;
      log.warn({ reason: messageOf(error) }, 'registration with the kubelet failed');
      later(Math.min(RETRY.maxMs, RETRY.firstMs * 2 ** failures));
    } finally {
      busy = false;
    }
    // What changed meanwhile was not looked at.
    if (identityOf(socket) !== identity) later(RETRY.firstMs);
  };
  const watcher = existsSync(directory)
    ? watch(directory, (_, name) => name === KUBELET_SOCKET && later(RETRY.firstMs / 4))
    : undefined;
  watcher?.on('error', (error) => log.warn({ reason: error.message }, 'cannot watch for the kubelet'));
  later(0);
  return {
    reason: () => reason,
    close: () => {
      closed = true;
      timer?.cancel();
      watcher?.close();
      plugin?.close();
    },
  };
}

/** A socket is a new one when its inode or its birth is. '' = none. */
function identityOf(socket: string): string {
  const stat = statSync(socket, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? '' : `${stat.ino}/${stat.birthtimeNs}/${stat.ctimeNs}`;
}
