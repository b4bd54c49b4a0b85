import type { Pod } from '../api/pod.ts';
import { qemuArgv } from '../guest/qemu-argv.ts';
import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import { argvText } from './argv-text.ts';
import type { Pinner } from './cpus/pin.ts';
import { cpuPlan } from './cpus/plan.ts';
import { handOverDisks } from './disks.ts';
import { missingFunction } from './functions.ts';
import { checkNetwork, type Launched, type NetworkWorld, planNetwork } from './guest-network.ts';
import { type HostDevices, hostDevicesOf } from './host-devices.ts';
import { isReaderWaiting, writeToReader } from './fifo.ts';
import { bindMemory, type MemoryWorld } from './memory/bind.ts';
import { type FunctionWorld, prepareFunctions } from './prepare-functions.ts';
import { podFacts } from './pod-facts.ts';
import type { PodResources } from './pod-resources.ts';
import { claimedAddresses } from './resource-slices.ts';
import type { Processes } from './proc.ts';
import type { SlotPaths } from './slot-files.ts';
import type { SlotAction, SlotEvent, SlotState, VmFacts } from './slot-types.ts';

/** The world the steps of a start act on. */
export interface StartWorld extends FunctionWorld, NetworkWorld {
  readonly nodeName: string;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly resources: PodResources;
  readonly processes: Processes;
  readonly pinner: Pinner;
  readonly memory: MemoryWorld;
  hasVhostNet(): boolean;
}

/** A step's slot. */
export interface SlotPlace {
  readonly state: SlotState;
  readonly paths: SlotPaths;
}

/** The launcher opens `argv` right after it said ready; it may be slow, not lost. */
const READER_TRIES = 200;
const READER_WAIT_MS = 10;

/** Actions that take a while and end in an event. */
export type StartAction = Extract<
  SlotAction,
  { type: 'resolve-pod' | 'identify' | 'prepare' | 'write-argv' | 'pin-cpus' | 'check-network' }
>;

/** Carries one step out. Rejects on what nobody foresaw. */
export function startStep(world: StartWorld, action: StartAction, place: SlotPlace): Promise<SlotEvent> {
  switch (action.type) {
    case 'resolve-pod':
      return resolvePod(world, place);
    case 'identify':
      return identifyPod(world, place.state);
    case 'prepare':
      return prepare(world, action, place);
    case 'write-argv':
      return writeArgv(world, action, place);
    case 'pin-cpus':
      return pinCpus(world, action, place);
    case 'check-network':
      return checkNetwork(world, action, place.paths);
  }
}

/** Whose slot it is and which process waits: from what is remembered if that fits, else from kubelet and API server. */
async function resolvePod(world: StartWorld, { state, paths }: SlotPlace): Promise<SlotEvent> {
  // What Multus had not reported last time may be there now.
  const whole = state.vm !== undefined && missingFunction(state.vm.guest.networks, state.vm.functions) === undefined;
  const known = whole ? resolved(world, state.vm, paths) : undefined;
  if (known !== undefined) return known;
  const found = await identifyPod(world, state);
  if (found.type !== 'identified') return found;
  const event = resolved(world, found.vm, paths);
  if (event !== undefined) return event;
  if (!isReaderWaiting(paths.argv)) return { type: 'launcher-gone' };
  return delayed(
    `the launcher of pod ${found.vm.namespace}/${found.vm.name} (${found.vm.uid}) is not among the node's processes`,
  );
}

function resolved({ processes }: StartWorld, vm: VmFacts, paths: SlotPaths): SlotEvent | undefined {
  const launcher = processes.findLauncher(paths.directory, vm.uid);
  return launcher === undefined ? undefined : { type: 'pod-resolved', vm, launcher };
}

/** Whose slot it is: one question to the kubelet, one to the API server. */
async function identifyPod({ resources, client, nodeName }: StartWorld, { slot, accelerator }: SlotState): Promise<SlotEvent> {
  const owner = (await resources.owners()).get(slot);
  if (owner === undefined) return delayed(`the kubelet names no owner of slot ${slot}`);
  let pod: Pod;
  try {
    pod = await client.get<Pod>(pathOf(KINDS.pods, owner));
  } catch (error) {
    if (isNotFound(error)) return { type: 'launcher-gone' };
    throw error;
  }
  const facts = podFacts(pod, owner, nodeName);
  if (!facts.ok) return { type: 'error', reason: 'GuestSpecRefused', message: facts.reason };
  if (facts.vm.guest.accelerator !== accelerator) {
    return {
      type: 'error',
      reason: 'GuestSpecRefused',
      message: `the pod asks for ${facts.vm.guest.accelerator} but holds a ${accelerator} device`,
    };
  }
  return { type: 'identified', vm: facts.vm };
}

/** Devices for QEMU; taps, bridges, packet rules and DHCP in the pod's network namespace. */
async function prepare(
  world: StartWorld,
  { vm, launcher }: Extract<SlotAction, { type: 'prepare' }>,
  { state, paths }: SlotPlace,
): Promise<SlotEvent> {
  if (!world.processes.isAlive(launcher)) return { type: 'launcher-gone' };
  const given = await givenDevices(world, { vm, launcher }, state.slot);
  if (!given.ok) return { type: 'error', reason: 'DeviceUnavailable', message: given.reason };
  try {
    const unable = await prepareFunctions(world, vm, launcher, given.devices);
    if (unable !== undefined) return { type: 'error', ...unable };
    const result = await planNetwork(world, { vm, launcher }, paths);
    if (!result.ok) return { type: 'error', reason: 'NetworkUnsupported', message: result.reason };
    await world.network.apply(launcher, result.plan);
    return { type: 'prepared', nics: result.plan.nics, hostDevices: given.devices.map(({ address }) => address) };
  } catch (error) {
    if (!world.processes.isAlive(launcher)) return { type: 'launcher-gone' };
    return { type: 'error', reason: 'NetworkFailed', message: messageOf(error) };
  }
}

/** Hands disks and QEMU's arguments to the launcher. */
async function writeArgv(
  world: StartWorld,
  { vm, launcher, nics, hostDevices }: Extract<SlotAction, { type: 'write-argv' }>,
  { state, paths }: SlotPlace,
): Promise<SlotEvent> {
  const refused = handOverDisks(
    launcher,
    vm.guest.disks.map(({ volume }) => volume),
    world.disks,
  );
  if (refused !== '') return { type: 'error', reason: 'DiskUnavailable', message: refused };
  const shared = await claimCpus(world, { vm, launcher }, state.slot);
  if (shared !== '') return { type: 'error', reason: 'CpusNotDedicated', message: shared };
  const bound = await bindMemory(world, { vm, launcher }, state.slot);
  if (!bound.ok) return { type: 'error', reason: 'MemoryUnavailable', message: bound.reason };
  const argv = qemuArgv(vm.guest, { accelerator: state.accelerator, vhostNet: world.hasVhostNet(), nics, hostDevices });
  const text = argvText(argv, vm.guest.gracePeriodSeconds);
  for (let tries = 0; tries < READER_TRIES; tries += 1) {
    if (!world.processes.isAlive(launcher)) return { type: 'launcher-gone' };
    if (writeToReader(paths.argv, text)) return { type: 'argv-written', ...(bound.note === '' ? {} : { message: bound.note }) };
    await world.clock.sleep(READER_WAIT_MS);
  }
  return { type: 'error', reason: 'StartFailed', message: "the launcher does not read QEMU's arguments" };
}

/** Sees that the container has the CPUs it asked for, before a guest starts on shared ones. '' = all is well. */
async function claimCpus({ resources, pinner }: StartWorld, { vm, launcher }: Launched, slot: string): Promise<string> {
  if (vm.guest.dedicatedCpus === undefined) return '';
  const result = cpuPlan(vm.guest, (await resources.holdings(slot)).cpus);
  if (!result.ok) return result.reason;
  await pinner.pinLauncher(launcher, result.plan);
  return '';
}

/** Addresses of the devices of the node that the kubelet gave to this guest. */
async function givenDevices(
  { resources, processes, client }: StartWorld,
  { vm, launcher }: Launched,
  slot: string,
): Promise<HostDevices> {
  const { hostDevices, claims } = vm.guest;
  if (hostDevices === undefined && claims === undefined) return { ok: true, devices: [] };
  const holdings = await resources.holdings(slot);
  const addressOf = claims === undefined ? () => undefined : await claimedAddresses(client, holdings.claimed);
  return hostDevicesOf(vm.guest, { holdings, environment: processes.environment(launcher), addressOf });
}

async function pinCpus(
  { resources, pinner }: StartWorld,
  { vm, launcher, threads }: Extract<SlotAction, { type: 'pin-cpus' }>,
  { state }: SlotPlace,
): Promise<SlotEvent> {
  try {
    const result = cpuPlan(vm.guest, (await resources.holdings(state.slot)).cpus);
    if (!result.ok) return { type: 'pin-failed', message: result.reason };
    await pinner.pinVcpus(launcher, threads, result.plan);
    return { type: 'cpus-pinned' };
  } catch (error) {
    return { type: 'pin-failed', message: messageOf(error) };
  }
}

/** What an unexpected failure of a step looks like to the pod's owner. */
export function delayed(message: string): SlotEvent {
  return { type: 'error', reason: 'StartDelayed', message };
}
