import type { Accelerator, GuestSpec } from '../api/guest-spec.ts';
import { BOOT_PATH, SLOT_PATH } from '../api/names.ts';
import { diskArguments } from './disks.ts';
import { networkArguments, type Nic } from './networks.ts';
import { PCI_SLOT, pciAddress } from './pci.ts';
import { checkedArguments, option } from './qemu-options.ts';

/** What only the node knows. */
export interface NodeFacts {
  /** By the device the kubelet allocated, not by wish. */
  readonly accelerator: Accelerator;
  /** Whether the container has /dev/vhost-net. */
  readonly vhostNet: boolean;
  /** Parallel to `guest.networks`. */
  readonly nics: readonly Nic[];
}

const MIB = 1024 * 1024;
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
  cpuArguments,
  memoryArguments,
  lifeArguments,
  consoleArguments,
  bootArguments,
  diskArguments,
  (_guest, { nics, vhostNet }) => networkArguments(nics, vhostNet),
  helperDevices,
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

function machineArguments(_guest: GuestSpec, { accelerator }: NodeFacts): string[] {
  return [
    ...['-machine', option('pc-q35-10.0', MACHINE)],
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

function cpuFeatures(features: readonly string[]): Record<string, boolean> {
  return Object.fromEntries(features.map((feature) => [feature.slice(1), feature.startsWith('+')]));
}

function topology({ vcpus, cpu }: GuestSpec): Record<string, number> {
  const { sockets, cores, threads } = cpu.topology ?? { sockets: 1, cores: vcpus, threads: 1 };
  return { sockets, cores, threads };
}

function memoryArguments(guest: GuestSpec): string[] {
  return ['-m', `${guest.memoryBytes / MIB}M`, '-overcommit', 'mem-lock=off'];
}

/** Power-off ends QEMU, reboot restarts the guest inside it, a panic ends it with GUEST_PANICKED on QMP and a non-zero exit status. */
function lifeArguments(): string[] {
  return ['-action', 'reboot=reset,shutdown=poweroff,panic=exit-failure', '-rtc', 'base=utc'];
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

function helperDevices(): string[] {
  return [
    ...['-object', option('rng-builtin', { id: 'rng' })],
    ...['-device', option('virtio-rng-pci', { id: 'rng0', rng: 'rng', addr: pciAddress(PCI_SLOT.rng), 'disable-legacy': true })],
    ...['-device', option('pvpanic-pci', { id: 'panic0', addr: pciAddress(PCI_SLOT.panic) })],
  ];
}
