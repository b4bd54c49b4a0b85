import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onNode } from '../../test/e2e/harness/local.ts';

/** One process of a pod. */
export interface ProcessFigure {
  readonly pid: number;
  readonly command: string;
  readonly argv: readonly string[];
  readonly pssKib: number;
  readonly privateKib: number;
}

/** Every process whose cgroup is the pod's, wherever it was started from: the pause container and helpers of the agent included. */
export function podProcesses(uid: string): Promise<readonly ProcessFigure[]> {
  const marks = [`pod${uid}`, `pod${uid.replaceAll('-', '_')}`];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return Promise.resolve(
    pids.flatMap((pid) => {
      try {
        const cgroup = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
        return marks.some((mark) => cgroup.includes(mark)) ? [figureOf(Number(pid))] : [];
      } catch {
        return [];
      }
    }),
  );
}

/** PSS and private memory of one process. */
export function figureOf(pid: number): ProcessFigure {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0);
  const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  return {
    pid,
    command: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(),
    argv,
    pssKib: kib('Pss'),
    privateKib: kib('Private_Clean') + kib('Private_Dirty'),
  };
}

/**
 * Runs QEMU with the same argv on node1 outside of any pod, from the same images, and returns its PSS in KiB once its guest is booted and idle.
 * It stands in a network namespace of its own with a tap device of the same name; its QMP socket has no peer, as between two agents.
 */
export async function runBare(qemu: ProcessFigure, settleMs = 25_000): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'podvisor-bare-'));
  const image = (name: string, at: string): Promise<string> =>
    onNode('node1', 'ctr', '-n', 'k8s.io', 'images', 'mount', '--rw', name, at);
  const mounts = [root];
  try {
    await image('localhost/podvisor/launcher:dev', root);
    const disk = mkdtempSync(join(tmpdir(), 'podvisor-disk-'));
    mounts.push(disk);
    await image('localhost/podvisor/guest-tiny:dev', disk);
    return await measureBare(qemu, root, disk, settleMs);
  } finally {
    for (const mount of mounts.reverse()) {
      await onNode('node1', 'ctr', '-n', 'k8s.io', 'images', 'unmount', '--rm', mount).catch(() => undefined);
      rmSync(mount, { recursive: true, force: true });
    }
  }
}

async function measureBare(qemu: ProcessFigure, root: string, disk: string, settleMs: number): Promise<number> {
  const tap = /ifname=([^,]+)/.exec(qemu.argv.join(' '))?.[1] ?? 'tap0';
  const launcherOwn = qemu.argv.findIndex((argument) => argument.startsWith('pipe,id='));
  const argv = launcherOwn < 0 ? qemu.argv : [...qemu.argv.slice(0, launcherOwn - 1), ...qemu.argv.slice(launcherOwn + 3)];
  const script = [
    `mkdir -p ${root}/podvisor/boot ${root}/podvisor/scratch ${root}/run/podvisor ${root}/dev/net ${root}/proc`,
    `mount --bind ${disk} ${root}/podvisor/boot && mount --bind /dev ${root}/dev && mount -t proc proc ${root}/proc`,
    `chroot ${root} qemu-img create -q -f qcow2 -b /podvisor/boot/disk/disk.qcow2 -F qcow2 /podvisor/scratch/root.qcow2`,
    `ip link set lo up; ip tuntap add ${tap} mode tap`,
    `tail -f /dev/null | exec chroot ${root} "$@"`,
  ].join('\n');
  const shell = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', '-ec', script, 'sh', ...argv];
  const child = spawn(new URL('../../dev/cluster/on-node', import.meta.url).pathname, ['node1', ...shell], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const pid = execFileSync('pgrep', ['-f', '^qemu-system-x86_64 -name guest'], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number)
      .find((candidate) => candidate !== qemu.pid && !readFileSync(`/proc/${candidate}/cgroup`, 'utf8').includes('kubepods'));
    if (pid === undefined) throw new Error(`the bare QEMU did not stay up:\n${said.slice(-2000)}`);
    return figureOf(pid).pssKib;
  } finally {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  }
}
