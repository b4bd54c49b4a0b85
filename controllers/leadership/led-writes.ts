import type { KubeClient } from '../../kube/client.ts';
import { createLeaderElection, type LeaderElection } from '../../kube/lease.ts';
import { createWorkQueue, type WorkQueue } from '../../kube/work-queue.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { INITIAL_LEADERSHIP, nextActions } from './plan.ts';
import type { LeadershipAction, LeadershipEvent, LeadershipTimes } from './plan.ts';

/** What the writes of a replica need. */
export interface LedWritesOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where the Lease is. */
  readonly namespace: string;
  /** Unique among the replicas, such as the pod name. */
  readonly identity: string;
  /** How long others wait for a silent leader. Milliseconds. */
  readonly leaseMs: number;
}

/** Writes one thing, if it still has to be written; a throw means again, later. Must not trust a cache: another may have written. */
export type WriteOne = (key: string) => Promise<void>;

/** What one controller wants written. */
export interface WriteList {
  /** Whether the object behind this key differs from what it should be, as the caches show it now. */
  want(key: string, wanted: boolean): void;
}

/** The writes of a replica: done while it leads; it leads while there are any. */
export interface LedWrites {
  /** A list of its own for a controller; `write` is called by the leader only. */
  list(controller: string, write: WriteOne): WriteList;
  leading(): boolean;
  /** Keys wanted. */
  pending(): number;
  /** Finishes the writes under way and gives the lease back. */
  stop(): Promise<void>;
}

/** The Lease of this process. */
export const LEASE_NAME = 'podvisor-controllers';
const WORKERS = 4;
/** The replica that led last starts at once; the others give it this long, and as much again at random. */
const GIVE_WAY_MS = 1500;
/** Longer than a watch event takes, so that a leader sees its own writes; much shorter than a renewal. */
const LINGER_MS = 2000;

/** No writes yet. */
export function createLedWrites(options: LedWritesOptions): LedWrites {
  return new ReplicaWrites(options);
}

const SEPARATOR = ' ';

class ReplicaWrites implements LedWrites {
  readonly #options: LedWritesOptions;
  readonly #times: LeadershipTimes;
  readonly #writers = new Map<string, WriteOne>();
  /** `controller key`. */
  readonly #wanted = new Set<string>();
  #state = INITIAL_LEADERSHIP;
  #election: LeaderElection | undefined;
  #queue: WorkQueue | undefined;
  #timer: { cancel(): void } | undefined;
  /** A look at the number of keys is under way. */
  #told = false;
  #stopped = false;

  constructor(options: LedWritesOptions) {
    this.#options = options;
    this.#times = { giveWayMs: GIVE_WAY_MS * (1 + options.random()), lingerMs: LINGER_MS };
  }

  list(controller: string, write: WriteOne): WriteList {
    this.#writers.set(controller, write);
    return { want: (key, wanted) => this.#want(`${controller}${SEPARATOR}${key}`, wanted) };
  }

  leading(): boolean {
    return this.#election?.leading() === true;
  }

  pending(): number {
    return this.#wanted.size;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#election?.stop();
  }

  #want(id: string, wanted: boolean): void {
    if (this.#stopped) return;
    if (wanted) this.#wanted.add(id);
    else this.#wanted.delete(id);
    if (wanted) this.#queue?.add(id);
    if (this.#told) return;
    this.#told = true;
    // Not at once: half-way through a new list of the reflector things look wrong that are not.
    queueMicrotask(() => {
      this.#told = false;
      this.#dispatch({ kind: 'pending', pending: this.#wanted.size > 0 });
    });
  }

  #dispatch(event: LeadershipEvent): void {
    if (this.#stopped) return;
    const { state, actions } = nextActions(this.#state, event, this.#options.clock.now(), this.#times);
    this.#state = state;
    for (const action of actions) this.#carryOut(action);
  }

  #carryOut(action: LeadershipAction): void {
    switch (action.do) {
      case 'start-election':
        this.#election = this.#newElection();
        return this.#election.start();
      case 'stop-election':
        return void this.#endElection();
      case 'wake':
        this.#timer?.cancel();
        this.#timer = this.#options.clock.timer(action.afterMs, () => this.#dispatch({ kind: 'time' }));
    }
  }

  #newElection(): LeaderElection {
    const { leaseMs, ...options } = this.#options;
    return createLeaderElection({ ...options, name: LEASE_NAME, durationMs: leaseMs, onLead: (lost) => this.#lead(lost) });
  }

  async #endElection(): Promise<void> {
    const election = this.#election;
    await election?.stop();
    if (this.#election === election) this.#election = undefined;
    this.#dispatch({ kind: 'ended' });
  }

  /** One reign; over when the last write under way has ended. */
  async #lead(lost: AbortSignal): Promise<void> {
    if (lost.aborted) return;
    const over = new Promise<void>((resolve) => lost.addEventListener('abort', () => resolve(), { once: true }));
    const queue = createWorkQueue({ ...this.#options, workers: WORKERS, reconcile: (id) => this.#write(id, lost) });
    this.#queue = queue;
    this.#dispatch({ kind: 'won' });
    for (const id of this.#wanted) queue.add(id);
    await over;
    this.#queue = undefined;
    this.#dispatch({ kind: 'lost' });
    await queue.stop();
  }

  async #write(id: string, lost: AbortSignal): Promise<void> {
    if (lost.aborted || !this.#wanted.has(id)) return;
    const split = id.indexOf(SEPARATOR);
    await this.#writers.get(id.slice(0, split))?.(id.slice(split + 1));
  }
}
