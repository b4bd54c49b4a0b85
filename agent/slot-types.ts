import type { Accelerator, GuestSpec } from '../api/guest-spec.ts';
import type { HostDeviceAddress } from '../guest/host-devices.ts';
import type { Nic } from '../guest/networks.ts';
import type { MemoryPlan } from './memory/plan.ts';

/** A port somebody in the pod declared. */
export interface PodPort {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
}

/** What the agent needs of a VM pod, kept on disk so that its container can restart while the API server is away. */
export interface VmFacts {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly container: string;
  readonly guest: GuestSpec;
  /** Name the guest is given by DHCP. */
  readonly hostname: string;
  readonly dns: PodDns;
  /** Declared by the guest container. */
  readonly guestPorts: readonly PodPort[];
  /** Declared by containers that run beside the guest; these keep their ports. */
  readonly otherPorts: readonly PodPort[];
  /** No container runs beside the guest. */
  readonly alone: boolean;
  /** PCI addresses of virtual functions by interface, as far as Multus has reported them. */
  readonly functions?: Readonly<Record<string, string>>;
  /** Where the scheduler planned its memory, when it is to follow. */
  readonly memoryPlan?: MemoryPlan;
}

/** The pod's own words about DNS (core/v1 PodSpec dnsPolicy, dnsConfig), addresses and names already checked. */
export interface PodDns {
  readonly policy: string;
  readonly servers: readonly string[];
  readonly searches: readonly string[];
}

/** One life of a launcher container: a pid alone may be given out again. */
export interface LauncherId {
  readonly pid: number;
  /** Start time in clock ticks since boot (/proc/PID/stat field 22). */
  readonly startTime: string;
}

/** One pod condition. */
export interface ConditionValue {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** Both conditions of a VM pod, always written together. */
export interface Conditions {
  readonly ready: ConditionValue;
  readonly accelerated: ConditionValue;
}

/** An Event about the pod. */
export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Why a guest is not running any more, or why it could not start. */
export interface Ending {
  readonly reason: string;
  readonly message: string;
}

/** A start in progress, from the launcher's `ready` to its argv. */
export interface StartState {
  readonly step: 'resolving' | 'preparing' | 'writing';
  /** Clock time of `ready`. */
  readonly readyAt: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly launcher?: LauncherId;
}

/** Everything the decisions about one slot are made from. */
export interface SlotState {
  readonly slot: string;
  readonly accelerator: Accelerator;
  readonly vm?: VmFacts;
  readonly start?: StartState;
  /** The launcher that has been given argv. */
  readonly served?: LauncherId;
  /** What the start of the guest of `served` says of its memory. */
  readonly memoryNote?: string;
  /** The launcher whose guest's start has been told in an Event. */
  readonly announced?: LauncherId;
  readonly connected: boolean;
  /** Why the guest of `served` ended; cleared when the next one starts. */
  readonly ending?: Ending;
  /** A look at the network's processes is under way, or was a moment ago; `due`: another is wanted. A hostile QEMU may ask for any number. */
  readonly network?: 'busy' | 'due';
  /** What the pod's conditions should say. */
  readonly wanted?: Conditions;
}

/** What the node has made ready for QEMU. */
export interface Prepared {
  readonly nics: readonly Nic[];
  readonly hostDevices: readonly HostDeviceAddress[];
}

/** What can happen to a slot. */
export type SlotEvent =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly reason: string; readonly message: string }
  | { readonly type: 'pod-resolved'; readonly vm: VmFacts; readonly launcher: LauncherId }
  | { readonly type: 'identified'; readonly vm: VmFacts }
  | { readonly type: 'launcher-gone' }
  | ({ readonly type: 'prepared' } & Prepared)
  /** `message`: that the guest's memory may be elsewhere than planned, and why. */
  | { readonly type: 'argv-written'; readonly message?: string }
  | { readonly type: 'error'; readonly reason: string; readonly message: string }
  | { readonly type: 'retry' }
  | { readonly type: 'qmp-connected'; readonly status: string; readonly threads?: readonly number[] }
  | { readonly type: 'cpus-pinned' }
  | { readonly type: 'pin-failed'; readonly message: string }
  /** What serves the guest's networks is there; `revived`: it had ended, and was started again. */
  | { readonly type: 'network-served'; readonly revived: boolean }
  | { readonly type: 'network-lost'; readonly message: string }
  /** Time to look again. */
  | { readonly type: 'check-network' }
  | { readonly type: 'qmp-event'; readonly name: string; readonly data: Readonly<Record<string, unknown>> }
  | { readonly type: 'qmp-closed' }
  | { readonly type: 'qmp-lost' };

/** What the shell must do. */
export type SlotAction =
  | { readonly type: 'resolve-pod' }
  /** Whose slot it is, without a running launcher. */
  | { readonly type: 'identify' }
  | { readonly type: 'prepare'; readonly vm: VmFacts; readonly launcher: LauncherId }
  | ({ readonly type: 'write-argv'; readonly vm: VmFacts; readonly launcher: LauncherId } & Prepared)
  | { readonly type: 'pin-cpus'; readonly vm: VmFacts; readonly launcher: LauncherId; readonly threads: readonly number[] }
  /** Whether the processes that QEMU's networks lead to are there; those that are not are started again. */
  | { readonly type: 'check-network'; readonly vm: VmFacts; readonly launcher: LauncherId }
  | { readonly type: 'retry'; readonly afterMs: number }
  /** The event comes after that time, whatever happens. */
  | { readonly type: 'later'; readonly afterMs: number; readonly event: 'qmp-lost' | 'check-network' }
  | { readonly type: 'save' }
  | { readonly type: 'observe-start'; readonly ms: number }
  /** `settle`: wait a moment and leave it if the pod is being deleted; nobody reads the conditions of a pod that goes. */
  | { readonly type: 'report'; readonly settle: boolean; readonly conditions: Conditions; readonly event?: PodEvent };

/** A state and what to do about it. */
export interface Decision {
  readonly state: SlotState;
  readonly actions: readonly SlotAction[];
}
