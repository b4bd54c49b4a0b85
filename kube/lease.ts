import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { KubeClient } from './client.ts';

/** What a leader election needs. */
export interface LeaderElectionOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique per process, such as the pod name. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when leadership is won; must return soon after the signal aborts (leadership lost, or stop). */
  readonly onLead: (signal: AbortSignal) => Promise<void> | void;
  /** How long a silent leader keeps the lease. Default 30 s. */
  readonly durationMs?: number;
}

/** At most one process of many does a thing. */
export interface LeaderElection {
  start(): void;
  /** Gives the lease back, if held. */
  stop(): Promise<void>;
  leading(): boolean;
}

/** Takes part in an election for a coordination.k8s.io/v1 Lease. */
export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  throw new Error(`being written: ${options.name}`);
}
