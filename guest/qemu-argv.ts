import type { Accelerator, GuestSpec } from '../api/guest-spec.ts';
import { BOOT_PATH, SLOT_PATH } from '../api/names.ts';
import { diskArguments, usesSata } from './disks.ts';
import { firmwareArguments, firmwareMachine } from './firmware.ts';
import { helperArguments } from './helpers.ts';
import { type HostDeviceAddress, hostDeviceArguments } from './host-devices.ts';
import { memoryArguments, memoryMachine } from './memory.ts';
import { networkArguments, type Nic } from './networks.ts';
import { checkedArguments, option, type OptionValue } from './qemu-options.ts';

/** What only the node knows. */
export interface NodeFacts {
  /** By the device the kubelet allocated, not by wish. */
  readonly accelerator: Accelerator;
  /** Whether the container has /dev/vhost-net. */
  readonly vhostNet: boolean;
  /** Parallel to `guest.networks`. */
  readonly nics: readonly Nic[];
  /** Devices of the node that were given to this guest. */
  readonly hostDevices?: readonly HostDeviceAddress[];
}

/** MiB of translated code QEMU may keep; its default is a share of RAM and would dwarf a small guest. */
const TCG_BUFFER_MIB = 32;

/**
 * QEMU's command line for a guest: first the program, then one argument per element, none empty or with a line break. The launcher adds
 * its own monitor. Written for QEMU 10.0. Throws when facts and spec do not fit together, which is a bug in the caller.
 */
export function qemuArgv(guest: GuestSpec, facts: NodeFacts): readonly string[] {
  if (facts.nics.length !== guest.networks.length) {
    throw new Error(`${facts.nics.length} NICs for ${guest.networks.length} networks`);
  }
  return checkedArguments(['qemu-system-x86_64', ...PARTS.flatMap((part) => part(guest, facts))]);
}

/** One concern of the command line: its arguments, none when the guest does not have it. */
type Part = (guest: GuestSpec, facts: NodeFacts) => readonly string[];

/** In the order of the command line. What is new gets a part of its own. */
const PARTS: readonly Part[] = [
  processArguments,
  machineArguments,
  firmwareArguments,
  cpuArguments,
  memoryArguments,
  lifeArguments,
  consoleArguments,
  bootArguments,
  diskArguments,
  (_guest, { nics, vhostNet }) => networkArguments(nics, vhostNet),
  (_guest, { hostDevices = [] }) => hostDeviceArguments(hostDevices),
  helperArguments,
];

function processArguments(): string[] {
  const deny = { obsolete: 'deny', elevateprivileges: 'deny', spawn: 'deny', resourcecontrol: 'deny' };
  return [
    ...['-name', option('guest', { 'debug-threads': true })],
    ...['-no-user-config', '-nodefaults'],
    ...['-display', 'none'],
    ...['-sandbox', option('on', deny)],
    ...['-msg', 'timestamp=off'],
  ];
}

function machineArguments(guest: GuestSpec, { accelerator }: NodeFacts): string[] {
  return [
    ...['-machine', option('pc-q35-10.0', { ...MACHINE, ...machineParts(guest) })],
    ...['-accel', accelerator === 'tcg' ? option('tcg', { 'tb-size': TCG_BUFFER_MIB }) : 'kvm'],
  ];
}

/** The machine type is pinned: it is part of what a migration carries. Nothing in it that a Linux guest on virtio does not use. */
const MACHINE = {
  usb: false,
  sata: false,
  smbus: false,
  vmport: false,
  hpet: false,
  graphics: false, // also makes the firmware talk on the serial line: "No bootable device" is then in kubectl logs
  'dump-guest-core': false, // guest RAM never lands in a core file
};

function cpuArguments(guest: GuestSpec): string[] {
  return [
    ...['-cpu', option(guest.cpu.model, cpuFeatures(guest.cpu.features))],
    ...['-smp', option(`cpus=${guest.vcpus}`, topology(guest))],
  ];
}

function machineParts(guest: GuestSpec): Record<string, OptionValue> {
  return { sata: usesSata(guest), ...firmwareMachine(guest), ...memoryMachine(guest) };
}

function cpuFeatures(features: readonly string[]): Record<string, boolean> {
  return Object.fromEntries(features.map((feature) => [feature.slice(1), feature.startsWith('+')]));
}

/** Without a wish one socket for each NUMA node: systems do not expect one to lie in two. */
function topology({ vcpus, cpu, numa }: GuestSpec): Record<string, number> {
  const sockets = numa?.cells ?? 1;
  const { sockets: wished, cores, threads } = cpu.topology ?? { sockets, cores: vcpus / sockets, threads: 1 };
  return { sockets: wished, cores, threads };
}

/** QEMU's words for what a panic does (qapi/run-state.json, PanicAction). */
const PANIC_ACTION = { exit: 'exit-failure', pause: 'pause', ignore: 'none' } as const;

/** Power-off ends QEMU, reboot restarts the guest inside it, a panic ends it with GUEST_PANICKED on QMP and a non-zero exit status. */
function lifeArguments({ panic, watchdog, clock }: GuestSpec): string[] {
  const actions = {
    shutdown: 'poweroff',
    panic: PANIC_ACTION[panic ?? 'exit'],
    ...(watchdog === undefined ? {} : { watchdog }),
  };
  // The launcher sets the zone whose local time this is.
  return ['-action', option('reboot=reset', actions), '-rtc', clock === undefined ? 'base=utc' : 'base=localtime'];
}

function consoleArguments(): string[] {
  const qmp = { id: 'qmp', path: `${SLOT_PATH}/qmp.sock`, server: false, 'reconnect-ms': 1000 };
  return [
    // signal=off: Ctrl-C on an attached console belongs to the guest.
    ...['-chardev', option('stdio', { id: 'console', mux: false, signal: false })],
    ...['-serial', 'chardev:console'],
    ...['-chardev', option('socket', qmp)],
    ...['-mon', option('chardev=qmp', { mode: 'control' })],
  ];
}

function bootArguments(guest: GuestSpec): string[] {
  const strict = ['-boot', 'strict=on'];
  if (guest.boot.mode === 'disk') return strict;
  const files = ['-kernel', `${BOOT_PATH}/boot/vmlinuz`, '-initrd', `${BOOT_PATH}/boot/initrd.img`];
  return [...strict, ...files, '-append', 'console=ttyS0 panic=5'];
}
