import type { Pod } from '../api/pod.ts';
import type { KubeClient } from '../kube/client.ts';
import { isNoLongerThere, isNotFound } from '../kube/errors.ts';
import type { EventRecorder, ObjectRef } from '../kube/events.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import { backoffMs } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { conditionsPatch, sameConditions } from './conditions.ts';
import type { Conditions, PodEvent, VmFacts } from './slot-types.ts';

/** What {@link createReporter} needs. */
export interface ReporterOptions {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What to tell. */
export interface Report {
  /** Wait for {@link SETTLE_MS}, and leave it if the pod is being deleted. */
  readonly settle: boolean;
  readonly conditions: Conditions;
  readonly event?: PodEvent;
}

/** Tells the API server about one pod's guest: the latest state only, nothing twice, until it is heard or the pod is gone. */
export interface Reporter {
  submit(vm: VmFacts, report: Report): void;
  /** What the pod's conditions say, as far as we wrote them. */
  reported(): Conditions | undefined;
  close(): void;
}

/**
 * An end is told this late: a pod that is being deleted, or restarted at once, costs no write about it. Longer than the kubelet takes
 * from a container's end to the deletion of its pod.
 */
export const SETTLE_MS = 2000;
const RETRY = { baseMs: 500, maxMs: 30_000 };
const MAX_EVENTS = 10;
const FIELD_MANAGER = 'podvisor-agent';

/** A reporter; `reported` is what an earlier agent wrote, `onReported` is called after each write. */
export function createReporter(options: ReporterOptions, reported: Conditions | undefined, onReported: () => void): Reporter {
  return new PodReporter(options, reported, onReported);
}

/** What is still to be told. */
interface Job {
  readonly vm: VmFacts;
  readonly conditions: Conditions;
  readonly events: PodEvent[];
  readonly settle: boolean;
}

class PodReporter implements Reporter {
  readonly #options: ReporterOptions;
  readonly #onReported: () => void;
  #done: Conditions | undefined;
  #job: Job | undefined;
  #timer: { cancel(): void } | undefined;
  #running = false;
  #failures = 0;
  #closed = false;

  constructor(options: ReporterOptions, reported: Conditions | undefined, onReported: () => void) {
    this.#options = options;
    this.#done = reported;
    this.#onReported = onReported;
  }

  reported(): Conditions | undefined {
    return this.#done;
  }

  submit(vm: VmFacts, { settle, conditions, event }: Report): void {
    const waiting = this.#job?.events ?? [];
    const events = event === undefined ? waiting : [...waiting, event].slice(-MAX_EVENTS);
    this.#job = { vm, conditions, events, settle };
    if (!this.#running && this.#failures === 0) this.#schedule(settle ? SETTLE_MS : 0);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(ms: number): void {
    this.#timer?.cancel();
    if (!this.#closed) this.#timer = this.#options.clock.timer(ms, () => void this.#run());
  }

  async #run(): Promise<void> {
    if (this.#running || this.#closed) return;
    this.#running = true;
    try {
      await this.#write();
      this.#failures = 0;
    } catch (error) {
      this.#failed(error);
    }
    this.#running = false;
    const { random } = this.#options;
    if (this.#job !== undefined)
      this.#schedule(this.#failures > 0 ? backoffMs(this.#failures, RETRY, random) : this.#job.settle ? SETTLE_MS : 0);
  }

  #failed(error: unknown): void {
    const { log } = this.#options;
    const hopeless = isNoLongerThere(error);
    if (hopeless) this.#job = undefined;
    this.#failures = hopeless ? 0 : this.#failures + 1;
    log.warn({ reason: messageOf(error) }, 'conditions could not be written');
  }

  async #write(): Promise<void> {
    const job = this.#job;
    if (job === undefined) return;
    const { client, events } = this.#options;
    const going = job.settle && (await isGoing(client, job.vm));
    if (!going) {
      await this.#patch(job);
      for (const event of job.events) events.record(podRef(job.vm), event);
    }
    // What came in meanwhile has taken this job's events along; they are told.
    const told = new Set(job.events);
    const left = this.#job === job || this.#job === undefined ? undefined : this.#job;
    this.#job = left === undefined ? undefined : { ...left, events: left.events.filter((event) => !told.has(event)) };
  }

  async #patch({ vm, conditions }: Job): Promise<void> {
    if (sameConditions(this.#done, conditions)) return;
    const { client, clock } = this.#options;
    const body = conditionsPatch(vm.uid, conditions, this.#done, clock.now());
    await client.patch(podPath(vm), { type: 'strategic', body, subresource: 'status', fieldManager: FIELD_MANAGER });
    this.#done = conditions;
    this.#onReported();
  }
}

function podRef({ namespace, name, uid }: VmFacts): ObjectRef {
  return { apiVersion: 'v1', kind: 'Pod', name, namespace, uid };
}

function podPath(vm: VmFacts): string {
  return pathOf(KINDS.pods, { namespace: vm.namespace, name: vm.name });
}

/** Whether the pod is gone or on its way. */
async function isGoing(client: KubeClient, vm: VmFacts): Promise<boolean> {
  try {
    const { metadata } = await client.get<Pod>(podPath(vm));
    return metadata.uid !== vm.uid || metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}
