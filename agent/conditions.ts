import type { Accelerator } from '../api/guest-spec.ts';
import { ACCELERATED, GUEST_READY } from '../api/names.ts';
import type { Conditions, ConditionValue, Ending, PodEvent, VmFacts } from './slot-types.ts';

/** How QEMU's own words for an end (QMP ShutdownCause, qapi/run-state.json) read to the person at kubectl. */
const SHUTDOWN_ENDINGS: Readonly<Record<string, Ending>> = {
  'guest-shutdown': { reason: 'GuestPoweredOff', message: 'The guest powered off.' },
  'guest-panic': { reason: 'GuestPanicked', message: "The guest's kernel panicked; its last words are in the container's log." },
  'host-qmp-quit': { reason: 'ForcedOff', message: 'The guest did not power off in time and was forced off.' },
  'host-signal': { reason: 'ForcedOff', message: 'QEMU was stopped by a signal.' },
};

/** An end nobody explained: QEMU's control connection is gone and does not come back. */
export const LOST: Ending = {
  reason: 'QemuGone',
  message: "QEMU is not there any more and left no word; see the container's termination message and log.",
};

/** Endings that are no fault. */
const HARMLESS: ReadonlySet<string> = new Set(['GuestPoweredOff']);

/** The ending QEMU's SHUTDOWN event speaks of. */
export function endingOfShutdown(cause: unknown): Ending {
  const known = typeof cause === 'string' ? SHUTDOWN_ENDINGS[cause] : undefined;
  return known ?? { reason: 'GuestStopped', message: 'The guest was stopped from outside.' };
}

/** Conditions of a guest that runs. */
export function runningConditions(accelerator: Accelerator): Conditions {
  const ready: ConditionValue = { status: 'True', reason: 'GuestRunning', message: 'QEMU runs the guest.' };
  return { ready, accelerated: acceleratedCondition(accelerator) };
}

/** Conditions of a guest that does not run. */
export function stoppedConditions({ reason, message }: Ending, accelerator: Accelerator): Conditions {
  return { ready: { status: 'False', reason, message }, accelerated: acceleratedCondition(accelerator) };
}

/** Conditions of a guest whose CPUs QEMU has stopped. */
export function pausedConditions(status: string, accelerator: Accelerator): Conditions {
  const message = `QEMU has stopped the guest's CPUs (${status}).`;
  return stoppedConditions({ reason: status === 'io-error' ? 'DiskError' : 'GuestPaused', message }, accelerator);
}

function acceleratedCondition(accelerator: Accelerator): ConditionValue {
  return accelerator === 'kvm'
    ? { status: 'True', reason: 'KVM', message: 'The guest runs on hardware virtualisation.' }
    : { status: 'False', reason: 'TCG', message: 'The guest is emulated (podvisor.dev/tcg), which is slow.' };
}

/** The Event of a guest's start; `note`: what is not as it was to be. */
export function startedEvent(vm: VmFacts, accelerator: Accelerator, note?: string): PodEvent {
  const mib = vm.guest.memoryBytes / (1024 * 1024);
  const cpus = `${vm.guest.vcpus} ${vm.guest.vcpus === 1 ? 'vCPU' : 'vCPUs'}`;
  const message = `The guest runs with ${cpus} and ${mib} MiB (${accelerator}).`;
  const fallback =
    'It is emulated, several times slower, because no node offered KVM when the pod was created; create it anew when one does.';
  const worse = [...(vm.guest.emulatedBy === undefined ? [] : [fallback]), ...(note === undefined ? [] : [note])];
  return { type: worse.length === 0 ? 'Normal' : 'Warning', reason: 'GuestStarted', message: [message, ...worse].join(' ') };
}

/** The Event of a guest whose vCPUs could not be pinned: it runs, on CPUs of its own, but its threads may move among them. */
export function pinFailedEvent(why: string): PodEvent {
  return { type: 'Warning', reason: 'CpuPinningFailed', message: `The guest's vCPUs are not pinned one to one: ${why}.` };
}

/** The Event of a network that was away: what served it had ended. */
export const NETWORK_REVIVED: PodEvent = {
  type: 'Warning',
  reason: 'NetworkRestarted',
  message:
    "passt, which speaks for the guest on the pod network, ended by itself and was started again; the guest's connections were cut.",
};

/** The Event of a network that stays away for now. */
export function networkLostEvent(why: string): PodEvent {
  return {
    type: 'Warning',
    reason: 'NetworkLost',
    message: `passt, which speaks for the guest on the pod network, ended and does not start: ${why}`,
  };
}

/** The Event of a guest's end. */
export function endedEvent(ending: Ending): PodEvent {
  if (HARMLESS.has(ending.reason)) return { type: 'Normal', reason: 'GuestStopped', message: ending.message };
  return { type: 'Warning', reason: ending.reason, message: ending.message };
}

/** Whether two sets of conditions say the same. */
export function sameConditions(a: Conditions | undefined, b: Conditions | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return sameValue(a.ready, b.ready) && sameValue(a.accelerated, b.accelerated);
}

function sameValue(a: ConditionValue, b: ConditionValue): boolean {
  return a.status === b.status && a.reason === b.reason && a.message === b.message;
}

/**
 * Strategic merge patch of pods/status with both conditions. Conditions merge by type (core/v1 PodStatus patchMergeKey), so the
 * kubelet's are not touched; the uid makes the API server refuse it (409) for a new pod of the same name.
 */
export function conditionsPatch(uid: string, conditions: Conditions, before: Conditions | undefined, now: number): object {
  const stamp = `${new Date(now).toISOString().slice(0, 19)}Z`;
  const entry = (type: string, value: ConditionValue, old: ConditionValue | undefined): object => ({
    type,
    status: value.status,
    reason: value.reason,
    message: value.message,
    ...(old?.status === value.status ? {} : { lastTransitionTime: stamp }),
  });
  const list = [
    entry(GUEST_READY, conditions.ready, before?.ready),
    entry(ACCELERATED, conditions.accelerated, before?.accelerated),
  ];
  return { metadata: { uid }, status: { conditions: list } };
}
