/**
 * bench/overhead, the model: what a container needs beyond guest RAM, measured, against what admission adds. Each shape is a real launcher
 * container (see test/integration/launcher/rig.ts) with our own command line under TCG, in a memory cgroup of its own. The guest boots,
 * reads its disks, and fills its memory; then resident memory of all processes (file pages too: whoever touches them first is charged)
 * plus the kernel's own for the cgroup, less guest RAM. Needs root and cgroup v1 or v2. `--write` keeps the figures in measurements.json,
 * which a unit test holds the model against.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { argvText } from '../../agent/argv-text.ts';
import { completeGuest } from '../../guest/complete.ts';
import { launcherArguments } from '../../guest/launcher-arguments.ts';
import { qemuArgv } from '../../guest/qemu-argv.ts';
import { guestSpec, nodeFacts } from '../../test/build/guest.ts';
import { type Container, makeBench, unpackImages } from '../../test/integration/launcher/rig.ts';
import { figure } from '../lib/statistics.ts';
import { type Shape, shapedGuest, SHAPES, shapeText } from './shapes.ts';

const MIB = 1024 * 1024;
const FILE = new URL('measurements.json', import.meta.url);
const HUGE_PAGES = '/proc/sys/vm/nr_hugepages';
const V2 = statSync('/sys/fs/cgroup/cgroup.controllers', { throwIfNoEntry: false }) !== undefined;
const CGROUP = `${V2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory'}/podvisor-bench`;
const CLAIM_BYTES = 64 * MIB;

const roots = unpackImages();
const bench = makeBench(roots);
const secret = bench.keep(mkdtempSync(join(tmpdir(), 'podvisor-secret-')));
execFileSync('chmod', ['755', secret]);
writeFileSync(join(secret, 'user-data'), '#cloud-config\n');
const reserved = readFileSync(HUGE_PAGES, 'utf8');

/** Tap and loop devices stand on the machine itself, named so that they are found. */
function makeTaps(count: number): readonly string[] {
  const taps = Array.from({ length: count }, (_, index) => `pvbench${index}`);
  for (const tap of taps) {
    execFileSync('ip', ['tuntap', 'add', tap, 'mode', 'tap', 'user', '107', 'group', '107']);
    execFileSync('ip', ['link', 'set', tap, 'up']);
  }
  return taps;
}

function makeLoops(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const file = join(secret, `..claim${index}`);
    execFileSync('truncate', ['-s', String(CLAIM_BYTES), file]);
    return execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8' }).trim();
  });
}

const LOOP_MAJOR = 7;

async function measure(shape: Shape): Promise<number> {
  const guest = completeGuest(shapedGuest(shape, guestSpec()));
  const taps = makeTaps(shape.nics);
  const loops = makeLoops(shape.claims);
  mkdirSync(CGROUP);
  try {
    if (shape.hugepages === true) writeFileSync(HUGE_PAGES, String(Number(reserved) + shape.mib / 2));
    const devices = loops.map((loop, index) => `/dev/podvisor/claim${index} b ${LOOP_MAJOR} ${loop.replace('/dev/loop', '')}`);
    const container = bench.start({ args: launcherArguments(guest), secret, devices: [...devices, '/dev/net/tun c 10 200'] });
    const facts = nodeFacts(guest);
    const nics = facts.nics.map((nic, index) => ({ ...nic, tap: taps[index] ?? '' }));
    await container.sees('status', 'ready\n');
    // QEMU, and the TPM, are children of PID 1 from here on.
    writeFileSync(join(CGROUP, 'cgroup.procs'), String(launcherPid(container)));
    container.sendArgv(argvText(qemuArgv(guest, { ...facts, nics }), 30));
    await container.sees('stdout', 'GUEST READY');
    await exercise(container, shape);
    return beyondRam(guest.memoryBytes, shape.hugepages === true);
  } finally {
    await bench.stop();
    for (const tap of taps) execFileSync('ip', ['link', 'del', tap]);
    for (const loop of loops) execFileSync('losetup', ['-d', loop]);
    rmdirSync(CGROUP);
    writeFileSync(HUGE_PAGES, reserved);
  }
}

/** PID 1 of the container: the child of unshare. */
function launcherPid({ process: { pid = 0 } }: Container): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

/** Reads and writes every disk, runs on every vCPU, and fills the memory up to what the guest's own kernel needs. */
async function exercise(container: Container, { mib, vcpus, claims }: Shape): Promise<void> {
  const disks = Array.from({ length: claims }, (_, index) => `/dev/vd${String.fromCharCode(98 + index)}`);
  const commands = [
    ...disks.map((disk) => `dd if=/dev/zero of=${disk} bs=1M count=16 conv=fsync; dd if=${disk} of=/dev/null bs=1M`),
    `for i in $(seq ${vcpus}); do gzip -9 </bin/busybox | md5sum & done; wait`,
    `mkdir -p /fill; mount -t tmpfs -o size=100% tmpfs /fill; dd if=/dev/zero of=/fill/x bs=1M count=$(($(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo) - 24))`,
  ];
  container.process.stdin?.write(`(${commands.join('; ')}) >/dev/null 2>&1; echo "EXERCISED ""${mib}"\n`);
  await container.sees('stdout', `EXERCISED ${mib}`);
}

/** Resident memory of the cgroup's processes and the kernel's for it, less guest RAM, in MiB. */
function beyondRam(ramBytes: number, huge: boolean): number {
  const pids = readFileSync(join(CGROUP, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
  const qemu = pids.find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu-system')) ?? '';
  const rss = pids.reduce((sum, pid) => sum + kib(`/proc/${pid}/smaps_rollup`, 'Rss'), 0);
  return (rss - (huge ? 0 : guestRam(qemu, ramBytes))) / 1024 + kernelBytes() / MIB;
}

/** KiB of guest RAM that are resident: the mapping of exactly that size. */
function guestRam(qemu: string, ramBytes: number): number {
  const mappings = readFileSync(`/proc/${qemu}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const ram = mappings.find((text) => Number(/^Size:\s+(\d+)/m.exec(text)?.[1]) * 1024 === ramBytes);
  if (ram === undefined) throw new Error('the guest RAM is not among the mappings of QEMU');
  return Number(/^Rss:\s+(\d+)/m.exec(ram)?.[1]);
}

function kib(file: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
}

/** Page tables, sockets, files: v1 counts them apart. */
function kernelBytes(): number {
  if (!V2) return Number(readFileSync(join(CGROUP, 'memory.kmem.usage_in_bytes'), 'utf8'));
  return Number(/^kernel (\d+)/m.exec(readFileSync(join(CGROUP, 'memory.stat'), 'utf8'))?.[1] ?? 0);
}

const shapes: { shape: Shape; measuredMib: number }[] = [];
for (const shape of SHAPES) {
  const measuredMib = Math.round((await measure(shape)) * 10) / 10;
  const predicted = completeGuest(shapedGuest(shape, guestSpec())).overheadBytes / MIB;
  shapes.push({ shape, measuredMib });
  console.log(
    `  ${shapeText(shape).padEnd(72)} measured ${figure(measuredMib).padStart(6)} MiB   predicted ${figure(predicted).padStart(4)}   ${figure(predicted / measuredMib)}`,
  );
}
const qemu = qemuVersion();
bench.clean();
const ratios = shapes.map(
  ({ shape, measuredMib }) => completeGuest(shapedGuest(shape, guestSpec())).overheadBytes / MIB / measuredMib,
);
console.log(
  `bench/overhead-model: predicted / measured from ${figure(Math.min(...ratios))} to ${figure(Math.max(...ratios))} over ${shapes.length} shapes`,
);
if (process.argv.includes('--write')) {
  const machine = {
    cpu: cpus()[0]?.model,
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
    qemu,
  };
  const document = {
    date: new Date().toISOString().slice(0, 10),
    command: 'npm run bench:overhead-model -- --write',
    accelerator: 'tcg',
    machine,
    shapes,
  };
  writeFileSync(FILE, `${JSON.stringify(document, null, 2)}\n`);
}

function qemuVersion(): string {
  const text = readFileSync(join(roots.launcher, 'usr/share/podvisor/packages'), 'utf8');
  return /^qemu-system-x86_\S+/m.exec(text)?.[0] ?? 'unknown';
}
