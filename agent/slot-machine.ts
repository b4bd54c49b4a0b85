import type { Accelerator } from '../api/guest-spec.ts';
import {
  endedEvent,
  endingOfShutdown,
  LOST,
  NETWORK_REVIVED,
  networkLostEvent,
  pausedConditions,
  pinFailedEvent,
  runningConditions,
  sameConditions,
  startedEvent,
  stoppedConditions,
} from './conditions.ts';
import type {
  Conditions,
  Decision,
  Ending,
  LauncherId,
  PodEvent,
  SlotAction,
  SlotEvent,
  SlotState,
  StartState,
} from './slot-types.ts';
import { without } from './without.ts';

/**
 * The life of one slot as a pure function. Two halves that do not wait for each other: the *start* (a launcher waits for its argv:
 * resolve the pod, prepare network and devices, write argv) and the *guest* (what QEMU says over QMP). The shell carries the actions out
 * and feeds what comes of them back as events.
 */

/** QEMU reconnects once a second; silence for longer than this means it is gone. */
export const QMP_LOST_MS = 3000;
/** Between two looks at what serves a guest's network; the longer one when something was wrong. */
const NETWORK_REST_MS = { well: 1_000, ill: 5_000 };
const RETRY = { firstMs: 250, maxMs: 30_000 };

/** A slot the kubelet has handed to a container. */
export function newSlot(slot: string, accelerator: Accelerator): SlotState {
  return { slot, accelerator, connected: false };
}

/** The next state and what to do. Total: events that do not fit the state change nothing. */
export function nextActions(state: SlotState, event: SlotEvent, now: number): Decision {
  if (isQemuEvent(event)) return onQemu(state, event);
  if (isNetworkEvent(event)) return onNetwork(state, event);
  switch (event.type) {
    case 'ready':
      return onReady(state, now);
    case 'failed':
      return onFailed(state, { reason: event.reason, message: event.message });
    case 'identified':
      return state.vm === undefined ? onIdentified({ ...state, vm: event.vm }) : keep(state);
    default:
      return state.start === undefined ? keep(state) : onStartEvent(state, state.start, event, now);
  }
}

const QEMU_EVENTS = ['qmp-connected', 'qmp-event', 'qmp-closed', 'qmp-lost', 'cpus-pinned', 'pin-failed'] as const;
const NETWORK_EVENTS = ['network-served', 'network-lost', 'check-network'] as const;
type QemuEvent = Extract<SlotEvent, { type: (typeof QEMU_EVENTS)[number] }>;
type NetworkEvent = Extract<SlotEvent, { type: (typeof NETWORK_EVENTS)[number] }>;

function isQemuEvent(event: SlotEvent): event is QemuEvent {
  return (QEMU_EVENTS as readonly string[]).includes(event.type);
}

function isNetworkEvent(event: SlotEvent): event is NetworkEvent {
  return (NETWORK_EVENTS as readonly string[]).includes(event.type);
}

function onQemu(state: SlotState, event: QemuEvent): Decision {
  switch (event.type) {
    case 'qmp-connected':
      return onConnected(state, event);
    case 'qmp-event':
      return onQmpEvent(state, event.name, event.data);
    case 'qmp-closed':
      return onClosed(state);
    case 'qmp-lost':
      return state.connected ? keep(state) : ended(state, LOST);
    case 'pin-failed':
      return state.wanted === undefined ? keep(state) : report(state, state.wanted, pinFailedEvent(event.message));
    case 'cpus-pinned':
      return keep(state);
  }
}

function onNetwork(state: SlotState, event: NetworkEvent): Decision {
  const { wanted, ending, network } = state;
  const idle = keep(without(state, 'network'));
  if (event.type === 'check-network') return network === 'due' ? withNetworkCheck(idle) : idle;
  if (wanted === undefined || ending !== undefined) return idle;
  const rest = (afterMs: number): SlotAction => ({ type: 'later', afterMs, event: 'check-network' });
  if (event.type === 'network-served' && !event.revived) return { state, actions: [rest(NETWORK_REST_MS.well)] };
  const news = event.type === 'network-lost' ? networkLostEvent(event.message) : NETWORK_REVIVED;
  // Also what was started may end before QEMU dials it, of which QEMU says nothing.
  const told = report({ ...state, network: 'due' }, wanted, news);
  return { state: told.state, actions: [...told.actions, rest(NETWORK_REST_MS.ill)] };
}

function onConnected(state: SlotState, { status, threads = [] }: Extract<SlotEvent, { type: 'qmp-connected' }>): Decision {
  // What ended before QEMU dialled, or while nobody listened to QEMU, is no word of QEMU's.
  return withNetworkCheck(withPinning(onStatus({ ...state, connected: true }, status), threads));
}

/** vCPU threads are there as soon as QEMU speaks; pinning them again after a reconnect changes nothing. */
function withPinning({ state, actions }: Decision, threads: readonly number[]): Decision {
  const { vm, served } = state;
  if (vm?.guest.dedicatedCpus === undefined || served === undefined) return { state, actions };
  return { state, actions: [...actions, { type: 'pin-cpus', vm, launcher: served, threads }] };
}

/** passt alone is a process that QEMU loses, with a word about it (NETDEV_STREAM_DISCONNECTED, qapi/net.json); taps are the kernel's. */
function withNetworkCheck({ state, actions }: Decision): Decision {
  const { vm, served, ending } = state;
  const concerned = vm?.guest.networks.some(({ binding }) => binding === 'passt') === true && ending === undefined;
  if (!concerned || served === undefined) return { state, actions };
  if (state.network !== undefined) return { state: { ...state, network: 'due' }, actions };
  return { state: { ...state, network: 'busy' }, actions: [...actions, { type: 'check-network', vm, launcher: served }] };
}

type StartEvent = Exclude<SlotEvent, QemuEvent | NetworkEvent | { type: 'ready' | 'failed' | 'identified' }>;

function keep(state: SlotState): Decision {
  return { state, actions: [] };
}

/** While a start is under way a second `ready` says nothing new: the launcher's identity is checked again before argv is written. */
function onReady(state: SlotState, now: number): Decision {
  if (state.start !== undefined) return keep(state);
  return { state: { ...state, start: { step: 'resolving', readyAt: now, failures: 0 } }, actions: [{ type: 'resolve-pod' }] };
}

function onStartEvent(state: SlotState, start: StartState, event: StartEvent, now: number): Decision {
  switch (event.type) {
    case 'pod-resolved':
      return onResolved(state, start, event);
    case 'prepared':
      return onPrepared(state, start, event);
    case 'argv-written':
      return onArgvWritten(state, start, { note: event.message, now });
    case 'launcher-gone':
      return keep(without(state, 'start'));
    case 'error':
      return onError(state, start, event);
    case 'retry':
      return { state: { ...state, start: { ...start, step: 'resolving' } }, actions: [{ type: 'resolve-pod' }] };
  }
}

function onResolved(state: SlotState, start: StartState, event: Extract<SlotEvent, { type: 'pod-resolved' }>): Decision {
  if (start.step !== 'resolving') return keep(state);
  // Anybody in the pod can write "ready"; a launcher that has its argv needs nothing.
  if (sameLauncher(state.served, event.launcher)) return keep(without(state, 'start'));
  const { vm, launcher } = event;
  const next: SlotState = { ...state, vm, start: { ...start, step: 'preparing', launcher } };
  return { state: next, actions: [{ type: 'save' }, { type: 'prepare', vm, launcher }] };
}

function onPrepared(state: SlotState, start: StartState, event: Extract<SlotEvent, { type: 'prepared' }>): Decision {
  const { vm } = state;
  const { launcher } = start;
  if (start.step !== 'preparing' || vm === undefined || launcher === undefined) return keep(state);
  const next: SlotState = { ...state, start: { ...start, step: 'writing' } };
  return { state: next, actions: [{ type: 'write-argv', vm, launcher, nics: event.nics, hostDevices: event.hostDevices }] };
}

function onArgvWritten(state: SlotState, start: StartState, { note, now }: { note: string | undefined; now: number }): Decision {
  if (start.step !== 'writing' || start.launcher === undefined) return keep(state);
  const rest = without(state, 'start', 'ending', 'memoryNote');
  return {
    state: { ...rest, served: start.launcher, ...(note === undefined ? {} : { memoryNote: note }) },
    actions: [{ type: 'save' }, { type: 'observe-start', ms: now - start.readyAt }],
  };
}

function onError(state: SlotState, start: StartState, error: Ending): Decision {
  const failures = start.failures + 1;
  const afterMs = Math.min(RETRY.maxMs, RETRY.firstMs * 2 ** (failures - 1));
  const next: SlotState = { ...state, start: { ...start, failures } };
  const told = state.wanted?.ready.reason === error.reason;
  // One short outage is nobody's business; what lasts is told, once.
  const tell = !told && failures > 1 ? report(next, stoppedConditions(error, state.accelerator), endedEvent(error)) : keep(next);
  return { state: tell.state, actions: [...tell.actions, { type: 'retry', afterMs }] };
}

function onStatus(state: SlotState, status: string): Decision {
  const { vm, served, accelerator } = state;
  if (vm === undefined) return keep(state);
  if (status !== 'running') return report(state, pausedConditions(status, accelerator));
  const rest = without(state, 'ending');
  const first = served !== undefined && !sameLauncher(state.announced, served);
  const next: SlotState = first ? { ...rest, announced: served } : rest;
  const decision = report(
    next,
    runningConditions(accelerator),
    first ? startedEvent(vm, accelerator, state.memoryNote) : undefined,
  );
  return { state: decision.state, actions: first ? [...decision.actions, { type: 'save' }] : decision.actions };
}

function onQmpEvent(state: SlotState, name: string, data: Readonly<Record<string, unknown>>): Decision {
  switch (name) {
    case 'SHUTDOWN':
      return ended(state, endingOfShutdown(data['reason']));
    case 'GUEST_PANICKED':
      // podvisor.dev/panic: ignore: the guest goes on by itself.
      return data['action'] === 'run' ? keep(state) : ended(state, endingOfShutdown('guest-panic'));
    case 'STOP':
      return state.ending === undefined ? onStatus(state, 'paused') : keep(state);
    case 'RESUME':
      return onStatus(state, 'running');
    case 'NETDEV_STREAM_DISCONNECTED':
      return withNetworkCheck(keep(state));
    default:
      return keep(state);
  }
}

function onClosed(state: SlotState): Decision {
  const next: SlotState = { ...state, connected: false };
  if (!state.connected || state.ending !== undefined) return keep(next);
  return { state: next, actions: [{ type: 'later', afterMs: QMP_LOST_MS, event: 'qmp-lost' }] };
}

/** The first word about an end counts; only a reason outweighs {@link LOST}, which is none. */
function ended(state: SlotState, ending: Ending): Decision {
  if (state.vm === undefined) return keep(state);
  if (state.ending !== undefined && state.ending.reason !== LOST.reason) return keep(state);
  return tellEnding({ ...state, ending }, ending);
}

/** The launcher's last words. It repeats what QMP said before; a new reason is one of the next life, before its `ready`. */
function onFailed(state: SlotState, ending: Ending): Decision {
  if (state.ending?.reason === ending.reason) return keep(state);
  const next: SlotState = { ...state, ending };
  return state.vm === undefined ? { state: next, actions: [{ type: 'identify' }] } : tellEnding(next, ending);
}

/** A launcher that failed before it was ready: now that the pod is known, it can be told. */
function onIdentified(state: SlotState): Decision {
  if (state.ending === undefined) return keep(state);
  const decision = tellEnding(state, state.ending);
  return { state: decision.state, actions: [{ type: 'save' }, ...decision.actions] };
}

function tellEnding(state: SlotState, ending: Ending): Decision {
  return report(state, stoppedConditions(ending, state.accelerator), endedEvent(ending), true);
}

function report(state: SlotState, conditions: Conditions, event?: PodEvent, settle = false): Decision {
  if (event === undefined && sameConditions(state.wanted, conditions)) return keep(state);
  const action: SlotAction = { type: 'report', settle, conditions, ...(event === undefined ? {} : { event }) };
  return { state: { ...state, wanted: conditions }, actions: [action] };
}

/** Whether two ids are one life of a container. */
export function sameLauncher(a: LauncherId | undefined, b: LauncherId | undefined): boolean {
  return a !== undefined && b !== undefined && a.pid === b.pid && a.startTime === b.startTime;
}
