import type { Pod } from '../api/pod.ts';
import type { KubeClient } from '../kube/client.ts';
import { isConflict, isNotFound } from '../kube/errors.ts';
import type { EventRecorder } from '../kube/events.ts';
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

/** Tells the API server about one pod's guest: the latest state only, nothing twice, until it is heard or the pod is gone. */
export interface Reporter {
  submit(vm: VmFacts, report: { settle: boolean; conditions: Conditions; event?: PodEvent }): void;
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
  const { client, events, clock, random, log } = options;
  let done = reported;
  let job: { vm: VmFacts; conditions: Conditions; events: PodEvent[]; settle: boolean } | undefined;
  let timer: { cancel(): void } | undefined;
  let running = false;
  let failures = 0;
  let closed = false;

  const schedule = (ms: number): void => {
    timer?.cancel();
    if (!closed) timer = clock.timer(ms, () => void run());
  };
  const write = async (): Promise<void> => {
    const work = job;
    if (work === undefined) return;
    if (work.settle && (await isGoing(client, work.vm))) return void (job = undefined);
    const about = { apiVersion: 'v1', kind: 'Pod', name: work.vm.name, namespace: work.vm.namespace, uid: work.vm.uid };
    for (const event of work.events.splice(0)) events.record(about, event);
    if (!sameConditions(done, work.conditions)) {
      const { conditions } = work;
      const body = conditionsPatch(work.vm.uid, conditions, done, clock.now());
      await client.patch(podPath(work.vm), { type: 'strategic', body, subresource: 'status', fieldManager: FIELD_MANAGER });
      done = conditions;
      onReported();
    }
    // More may have come in while this was written.
    if (job === work && sameConditions(done, work.conditions) && work.events.length === 0) job = undefined;
  };
  const run = async (): Promise<void> => {
    if (running || closed) return;
    running = true;
    try {
      await write();
      failures = 0;
    } catch (error) {
      // Gone, or another pod by now: nobody is left to tell.
      if (isNotFound(error) || isConflict(error)) job = undefined;
      failures += 1;
      log.warn({ reason: messageOf(error) }, 'conditions could not be written');
    }
    running = false;
    if (job !== undefined) schedule(backoffMs(failures, RETRY, random));
  };
  return {
    reported: () => done,
    submit: (vm, report) => {
      const waiting = job?.events ?? [];
      const list = report.event === undefined ? waiting : [...waiting, report.event].slice(-MAX_EVENTS);
      job = { vm, conditions: report.conditions, events: list, settle: report.settle };
      if (!running && failures === 0) schedule(report.settle ? SETTLE_MS : 0);
    },
    close: () => {
      closed = true;
      timer?.cancel();
    },
  };
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
