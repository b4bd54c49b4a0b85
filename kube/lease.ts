import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { KubeClient } from './client.ts';
import { isNotFound } from './errors.ts';
import { nextLeaseAction, releasedSpec, renewDeadlineMs, type Lease, type LeaseSpec, type LeaseState } from './lease-plan.ts';
import { KINDS, pathOf } from './paths.ts';

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
  /** How long a silent leader keeps the lease, at least 1 s. Default 30 s: one write per 10 s while leading. */
  readonly durationMs?: number;
}

/** At most one process of many does a thing. */
export interface LeaderElection {
  start(): void;
  /** Ends leadership, waits for `onLead`, gives the lease back. */
  stop(): Promise<void>;
  leading(): boolean;
}

const DEFAULT_DURATION_MS = 30_000;

/** One reign: from winning the lease to losing it. */
interface Reign {
  /** The lease was renewed: the deadline starts anew from when the write was begun. */
  renewed(at: number): void;
  /** Aborts the signal and waits until `onLead` has returned. */
  end(): Promise<void>;
  readonly signal: AbortSignal;
}

interface Candidate {
  readonly options: LeaderElectionOptions;
  readonly stop: AbortSignal;
  state: LeaseState;
  reign: Reign | undefined;
}

/** Takes part in an election for a coordination.k8s.io/v1 Lease. */
export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const stopping = new AbortController();
  const { identity, durationMs = DEFAULT_DURATION_MS } = options;
  const candidate: Candidate = {
    options,
    stop: stopping.signal,
    state: { identity, durationMs, leading: false, renewedAt: 0 },
    reign: undefined,
  };
  let loop: Promise<void> | undefined;
  return {
    start: () => {
      loop ??= run(candidate);
    },
    stop: async () => {
      stopping.abort();
      await loop;
      await resign(candidate);
    },
    leading: () => isLeading(candidate),
  };
}

const isLeading = ({ reign }: Candidate): boolean => reign?.signal.aborted === false;

async function run(candidate: Candidate): Promise<void> {
  const { clock } = candidate.options;
  while (!candidate.stop.aborted) {
    const renewed = await round(candidate);
    await clock.sleep(pauseMs(candidate.state, renewed), candidate.stop);
  }
}

/** A healthy leader writes three times per duration; one in trouble tries much more often; others look six times. */
function pauseMs({ durationMs, leading }: LeaseState, renewed: boolean): number {
  if (!leading) return durationMs / 6;
  return renewed ? durationMs / 3 : durationMs / 15;
}

/** Reads, decides, writes once. True = we hold a lease that was just renewed. */
async function round(candidate: Candidate): Promise<boolean> {
  const { clock, log, name } = candidate.options;
  if (candidate.reign?.signal.aborted === true) {
    // Its deadline passed while a request hung, or its work failed: others first.
    log.warn({ lease: name }, 'no longer leading: the lease was not renewed in time, or the work failed');
    await resign(candidate);
    return false;
  }
  const observed = await read(candidate);
  const { state, action } = nextLeaseAction(candidate.state, observed, clock.now());
  candidate.state = state;
  if (action.do === 'step-down') await stepDown(candidate, action.reason);
  if (action.do !== 'create' && action.do !== 'update') return false;
  return write(candidate, typeof observed === 'string' ? undefined : observed, action.spec);
}

const leasePath = ({ options: { namespace, name } }: Candidate): string => pathOf(KINDS.leases, { namespace, name });

async function read(candidate: Candidate): Promise<Lease | 'missing' | 'unknown'> {
  try {
    return await candidate.options.client.get<Lease>(leasePath(candidate));
  } catch (error) {
    if (isNotFound(error)) return 'missing';
    candidate.options.log.warn({ lease: candidate.options.name, reason: messageOf(error) }, 'cannot read the lease');
    return 'unknown';
  }
}

async function write(candidate: Candidate, lease: Lease | undefined, spec: LeaseSpec): Promise<boolean> {
  const { client, clock, log, namespace, name } = candidate.options;
  const begun = clock.now();
  try {
    if (lease === undefined) {
      const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec };
      await client.create(pathOf(KINDS.leases, { namespace }), body);
    } else {
      // metadata carries the resourceVersion: if anybody wrote since we read, this is a 409 and nothing happens.
      await client.replace(leasePath(candidate), { ...lease, spec });
    }
  } catch (error) {
    log.debug({ lease: name, reason: messageOf(error) }, 'did not get the lease');
    return false;
  }
  won(candidate, begun);
  return true;
}

function won(candidate: Candidate, begun: number): void {
  const { log, name } = candidate.options;
  candidate.state = { ...candidate.state, leading: true, renewedAt: begun };
  if (candidate.reign === undefined) {
    log.info({ lease: name }, 'leading');
    candidate.reign = createReign(candidate.options, candidate.state.durationMs);
  }
  candidate.reign.renewed(begun);
}

function createReign({ onLead, clock, log, name }: LeaderElectionOptions, durationMs: number): Reign {
  const lost = new AbortController();
  const deadlineMs = renewDeadlineMs(durationMs);
  let timer = clock.timer(deadlineMs, () => lost.abort());
  const work = Promise.resolve()
    .then(() => onLead(lost.signal))
    .catch((error: unknown) => {
      log.error({ lease: name, err: error }, 'the work of the leader failed; giving the lease up');
      lost.abort();
    });
  return {
    signal: lost.signal,
    renewed: (at) => {
      timer.cancel();
      timer = clock.timer(Math.max(0, at + deadlineMs - clock.now()), () => lost.abort());
    },
    end: () => {
      timer.cancel();
      lost.abort();
      return work;
    },
  };
}

async function stepDown(candidate: Candidate, reason: string): Promise<void> {
  const { log, name } = candidate.options;
  log.warn({ lease: name, reason }, 'no longer leading');
  await candidate.reign?.end();
  candidate.reign = undefined;
  candidate.state = { ...candidate.state, leading: false };
}

/** The lease is given back only after the work has ended, so that two leaders never overlap. */
async function resign(candidate: Candidate): Promise<void> {
  if (candidate.reign === undefined) return;
  const { client, clock, log, name, identity } = candidate.options;
  await candidate.reign.end();
  candidate.reign = undefined;
  candidate.state = { ...candidate.state, leading: false };
  try {
    const lease = await client.get<Lease>(leasePath(candidate));
    if (lease.spec?.holderIdentity !== identity) return;
    await client.replace(leasePath(candidate), { ...lease, spec: releasedSpec(lease.spec, clock.now()) });
  } catch (error) {
    log.debug({ lease: name, reason: messageOf(error) }, 'could not give the lease back; it will expire');
  }
}
