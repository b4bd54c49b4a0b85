// Boots small machines of several NUMA nodes under QEMU (TCG) and writes what their kernel shows in sysfs:
//   dev/node test/build/sysfs/capture.ts KERNEL     KERNEL: /usr/share/podvisor/selftest/vmlinuz of the launcher image
// Needs qemu-system-x86_64, a static busybox, cpio and gzip. See README.md.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Machine {
  /** CPUs and MiB of each node, in order; no MiB = a node without memory, no CPUs = memory alone. */
  readonly nodes: readonly { readonly cpus?: string; readonly mib?: number }[];
  readonly distances: readonly (readonly number[])[];
  /** Huge pages of 2 MiB by node. */
  readonly pages: string;
}

const MACHINES: Readonly<Record<string, Machine>> = {
  'two-sockets': {
    nodes: [
      { cpus: '0-1', mib: 256 },
      { cpus: '2-3', mib: 256 },
    ],
    distances: [
      [10, 21],
      [21, 10],
    ],
    pages: '0:20,1:7',
  },
  'four-sockets': {
    nodes: ['0-1', '2-3', '4-5', '6-7'].map((cpus) => ({ cpus, mib: 128 })),
    distances: [
      [10, 21, 21, 31],
      [21, 10, 31, 21],
      [21, 31, 10, 21],
      [31, 21, 21, 10],
    ],
    pages: '1:8,3:16',
  },
  'sub-numa-clusters': {
    nodes: ['0', '1', '2', '3'].map((cpus) => ({ cpus, mib: 128 })),
    distances: [
      [10, 11, 21, 21],
      [11, 10, 21, 21],
      [21, 21, 10, 11],
      [21, 21, 11, 10],
    ],
    pages: '0:4',
  },
  'memory-alone': {
    // Last: Linux numbers the nodes with CPUs first.
    nodes: [{ cpus: '0-1', mib: 256 }, { cpus: '2-3', mib: 128 }, { mib: 128 }],
    distances: [
      [10, 21, 14],
      [21, 10, 24],
      [14, 24, 10],
    ],
    pages: '2:10',
  },
};

const [kernel] = process.argv.slice(2);
if (kernel === undefined) throw new Error('the path of a kernel is missing');
const work = mkdtempSync(join(tmpdir(), 'podvisor-capture-'));
try {
  const initrd = makeInitrd();
  for (const [name, machine] of Object.entries(MACHINES)) {
    const captured = { ...filesOf(boot(machine, initrd)), zones: zonesOf(machine), pages: machine.pages };
    writeFileSync(join(import.meta.dirname, `${name}.json`), `${JSON.stringify(captured, null, 2)}\n`);
    console.log(`captured ${name}`);
  }
} finally {
  rmSync(work, { recursive: true });
}

function makeInitrd(): string {
  mkdirSync(join(work, 'root/bin'), { recursive: true });
  const busybox = execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim();
  copyFileSync(busybox, join(work, 'root/bin/busybox'));
  copyFileSync(join(import.meta.dirname, 'init'), join(work, 'root/init'));
  execFileSync('sh', ['-c', 'cd root && find . | cpio -o -H newc --quiet | gzip >../initrd'], { cwd: work });
  return join(work, 'initrd');
}

function boot({ nodes, distances, pages }: Machine, initrd: string): string {
  const memory = nodes.reduce((sum, { mib = 0 }) => sum + mib, 0);
  const numa = nodes.flatMap(({ cpus, mib }, id) => [
    ...(mib === undefined ? [] : ['-object', `memory-backend-ram,id=m${id},size=${mib}M`]),
    '-numa',
    [`node,nodeid=${id}`, ...(mib === undefined ? [] : [`memdev=m${id}`]), ...(cpus === undefined ? [] : [`cpus=${cpus}`])].join(','),
  ]);
  const far = distances.flatMap((row, src) => row.flatMap((val, dst) => (src === dst ? [] : ['-numa', `dist,src=${src},dst=${dst},val=${val}`])));
  const cpus = nodes.reduce((sum, node) => sum + cpusOf(node.cpus), 0);
  const args = ['-M', 'q35', '-accel', 'tcg', '-cpu', 'max', '-smp', String(cpus), '-m', String(memory), '-nodefaults', '-display', 'none'];
  const append = `console=ttyS0 quiet panic=-1 capture.pages=${pages}`;
  const guest = ['-no-reboot', '-serial', 'stdio', '-kernel', String(kernel), '-initrd', initrd, '-append', append];
  return execFileSync('qemu-system-x86_64', [...args, ...numa, ...far, ...guest], { encoding: 'utf8', timeout: 120_000 });
} // prettier-ignore

function cpusOf(list = ''): number {
  const [first, last = first] = list.split('-').map(Number);
  return list === '' ? 0 : last! - first! + 1;
}

/** By the machine's own definition, not by what the kernel made of it. */
function zonesOf({ nodes, distances }: Machine): unknown {
  return nodes.map(({ cpus }, id) => [id, cpusOf(cpus), distances[id]]);
}

function filesOf(console_: string): { sys: Record<string, string>; proc: Record<string, string> } {
  const sections = console_.replaceAll('\r', '').split('=== ').slice(1, -1);
  const files = sections.map((section) => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('\n') + 1)]);
  const below = (root: string) =>
    Object.fromEntries(files.flatMap(([path, text]) => (path!.startsWith(root) ? [[path!.slice(root.length), text!]] : [])));
  return { sys: below('/sys/'), proc: below('/proc/') };
}
