import { existsSync, type FSWatcher, statSync, watch } from 'node:fs';
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
  readonly start: () => Promise<DevicePlugin>;
}

/** A plugin that is registered again whenever the kubelet has started anew. */
export interface Registration {
  /** '' = the kubelet knows us, else why not. */
  reason(): string;
  close(): void;
}

/** The kubelet makes its socket a moment before it listens on it. */
const SOON_MS = 50;
const RETRY = { firstMs: 200, maxMs: 5000 };

/**
 * Keeps a plugin registered. A kubelet that starts empties its device-plugins directory, so the plugin's socket is gone with the old
 * kubelet: on a new kubelet.sock the plugin is started anew.
 */
export function keepRegistered(options: RegistrationOptions): Registration {
  const registration = new KubeletRegistration(options);
  registration.watch();
  return registration;
}

class KubeletRegistration implements Registration {
  readonly #options: RegistrationOptions;
  readonly #socket: string;
  #plugin: DevicePlugin | undefined;
  #known = '';
  #reason = 'not registered with the kubelet yet';
  #failures = 0;
  #timer: { cancel(): void } | undefined;
  #watcher: FSWatcher | undefined;
  #closed = false;
  #busy = false;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#socket = join(options.directory, KUBELET_SOCKET);
  }

  reason(): string {
    return this.#reason;
  }

  watch(): void {
    const { directory, log } = this.#options;
    if (existsSync(directory)) {
      this.#watcher = watch(directory, (_, name) => name === KUBELET_SOCKET && this.#later(SOON_MS));
      this.#watcher.on('error', (error) => log.warn({ reason: error.message }, 'cannot watch for the kubelet'));
    }
    this.#later(0);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#watcher?.close();
    this.#plugin?.close();
  }

  #later(ms: number): void {
    this.#timer?.cancel();
    if (!this.#closed) this.#timer = this.#options.clock.timer(ms, () => void this.#check());
  }

  async #check(): Promise<void> {
    const identity = identityOf(this.#socket);
    if (this.#busy || this.#closed || identity === this.#known) return;
    this.#busy = true;
    try {
      await this.#restart(identity);
      // What changed meanwhile was not looked at.
      if (identityOf(this.#socket) !== identity) this.#later(SOON_MS);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#busy = false;
    }
  }

  async #restart(identity: string): Promise<void> {
    this.#plugin?.close();
    this.#plugin = undefined;
    this.#known = '';
    if (identity === '') throw new Error(`the kubelet is not there: no ${this.#socket}`);
    this.#plugin = await this.#options.start();
    this.#known = identity;
    this.#reason = '';
    this.#failures = 0;
    this.#options.log.info({}, 'registered with the kubelet');
  }

  #failed(error: unknown): void {
    this.#reason = `registration with the kubelet failed: ${messageOf(error)}`;
    this.#options.log.warn({ reason: messageOf(error) }, 'registration with the kubelet failed');
    this.#failures += 1;
    this.#later(Math.min(RETRY.maxMs, RETRY.firstMs * 2 ** this.#failures));
  }
}

/** A socket is a new one when its inode or its birth is. '' = none. */
function identityOf(socket: string): string {
  const stat = statSync(socket, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? '' : `${stat.ino}/${stat.birthtimeNs}/${stat.ctimeNs}`;
}
