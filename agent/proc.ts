import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { sameLauncher } from './slot-machine.ts';
import type { LauncherId } from './slot-types.ts';
import { SLOT_PATH } from '../api/names.ts';

/**
 * Finds a slot's launcher among the node's processes by what the kernel says of them, never by what they say themselves: the cgroup
 * the kubelet put them in, their pid namespace, and the exact directory mounted on the slot's path in their mount namespace.
 */

/** One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)), as far as it is used. */
export interface MountInfo {
  /** `major:minor` of the file system. */
  readonly device: string;
  /** Directory of the file system that is mounted. */
  readonly root: string;
  readonly mountPoint: string;
}

/** Parses mountinfo; lines that are none are left out. */
export function parseMountInfo(text: string): MountInfo[] {
  return text.split('\n').flatMap((line) => {
    const [, , device, root, mountPoint] = line.split(' ');
    if (device === undefined || root === undefined || mountPoint === undefined) return [];
    return [{ device, root: unescape(root), mountPoint: unescape(mountPoint) }];
  });
}

/** The kernel writes space, tab, newline and backslash as octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

/** Where a directory of this mount namespace lies in its file system: what a bind mount of it will show as device and root. */
export function originOf(directory: string, mounts: readonly MountInfo[]): { device: string; root: string } | undefined {
  const holding = mounts.filter(({ mountPoint }) => directory === mountPoint || directory.startsWith(slashed(mountPoint)));
  // The longest mount point holds it; of equal ones the last was mounted over the others.
  const mount = holding.reduce<MountInfo | undefined>(
    (best, next) => (next.mountPoint.length >= (best?.mountPoint.length ?? 0) ? next : best),
    undefined,
  );
  if (mount === undefined) return undefined;
  const rest = directory.slice(mount.mountPoint === '/' ? 0 : mount.mountPoint.length);
  return { device: mount.device, root: mount.root === '/' ? rest || '/' : mount.root + rest };
}

/** Whether a mount is the bind mount of a slot directory on the slot's path. */
function isMountOf(mount: MountInfo, origin: { device: string; root: string }): boolean {
  return mount.mountPoint === SLOT_PATH && mount.device === origin.device && mount.root === origin.root;
}

function slashed(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

/** Whether a /proc/PID/cgroup names the pod: `pod<uid>`, with `_` for `-` under systemd's cgroup driver. */
export function inPodCgroup(cgroup: string, uid: string): boolean {
  return cgroup.includes(`/pod${uid}`) || cgroup.includes(`-pod${uid.replaceAll('-', '_')}`);
}

/** The pid inside the innermost pid namespace (NSpid of /proc/PID/status, proc_pid_status(5)). */
export function innerPid(status: string): number {
  const match = /^NSpid:[\t\d ]*?(\d+)$/m.exec(status);
  return Number(match?.[1] ?? 0);
}

/** Field 22 of /proc/PID/stat. The name in parentheses may hold anything, so counting starts behind the last one. */
export function startTimeOf(stat: string): string {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** Finds processes below a mounted /proc. */
export interface Processes {
  /** The pod's PID 1 that has the slot directory on the slot's path; undefined when there is none (any more). */
  findLauncher(slotDirectory: string, uid: string): LauncherId | undefined;
  /** Whether any process has the slot directory on the slot's path. */
  hasMounted(slotDirectory: string): boolean;
  isAlive(id: LauncherId): boolean;
  /** Threads of its pid namespace: ids outside by ids inside. */
  threads(id: LauncherId): ReadonlyMap<number, number>;
  /** Its environment as it was when it started, unless it wrote over it. */
  environment(id: LauncherId): ReadonlyMap<string, string>;
  /** Its cgroup paths: each line `hierarchy:controllers:path`. */
  cgroups(id: LauncherId): string;
  /** Opens namespaces of that very process; throws when it is gone. The caller closes them. */
  openNamespaces(id: LauncherId, kinds: readonly ('net' | 'pid')[]): number[];
}

/** The processes this /proc shows. */
export function createProcesses(proc = '/proc'): Processes {
  const read = (pid: number | string, file: string): string => {
    try {
      return readFileSync(`${proc}/${pid}/${file}`, 'utf8');
    } catch {
      return ''; // it ended while we looked
    }
  };
  const idOf = (pid: number): LauncherId => ({ pid, startTime: startTimeOf(read(pid, 'stat')) });
  const isAlive = (id: LauncherId): boolean => sameLauncher(idOf(id.pid), id);
  const mounting = (slotDirectory: string): ((pid: number) => boolean) => {
    const origin = originOf(slotDirectory, parseMountInfo(read('self', 'mountinfo')));
    return (pid) => origin !== undefined && parseMountInfo(read(pid, 'mountinfo')).some((mount) => isMountOf(mount, origin));
  };
  return {
    isAlive,
    threads: (id) => {
      const tids = threadsOfNamespace(proc, namespaceOf(proc, id.pid));
      // Checked after the look: a pid that was given out again would show another namespace.
      return new Map(isAlive(id) ? tids.map((tid) => [innerPid(read(tid, 'status')), tid]) : []);
    },
    environment: ({ pid }) => environmentOf(read(pid, 'environ')),
    cgroups: ({ pid }) => read(pid, 'cgroup'),
    hasMounted: (slotDirectory) => pidsOf(proc).some(mounting(slotDirectory)),
    findLauncher: (slotDirectory, uid) => {
      const holds = mounting(slotDirectory);
      const isLauncher = (pid: number): boolean =>
        inPodCgroup(read(pid, 'cgroup'), uid) && innerPid(read(pid, 'status')) === 1 && holds(pid);
      const pid = pidsOf(proc).find(isLauncher);
      return pid === undefined ? undefined : idOf(pid);
    },
    openNamespaces: (id, kinds) => {
      const fds = kinds.map((kind) => openSync(`${proc}/${id.pid}/ns/${kind}`, 'r'));
      if (isAlive(id)) return fds;
      fds.forEach((fd) => closeSync(fd));
      throw new Error('the launcher ended');
    },
  };
}

/** /proc/PID/environ: `NAME=value`, each ended by a zero byte. */
export function environmentOf(text: string): ReadonlyMap<string, string> {
  const entries = text.split('\0').filter((entry) => entry.includes('='));
  return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]));
}

function namespaceOf(proc: string, pid: number): string {
  try {
    return readlinkSync(`${proc}/${pid}/ns/pid`);
  } catch {
    return '';
  }
}

function threadsOfNamespace(proc: string, namespace: string): number[] {
  const pids = namespace === '' ? [] : pidsOf(proc).filter((pid) => namespaceOf(proc, pid) === namespace);
  return pids.flatMap((pid) => tasksOf(proc, pid));
}

function tasksOf(proc: string, pid: number): number[] {
  try {
    return readdirSync(`${proc}/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

function pidsOf(proc: string): number[] {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => b - a); // the newest first: it is the one looked for
}

/** Whether the kernel has a file below /proc/sys. */
export function kernelHas(path: string): boolean {
  return statSync(`/proc/sys/${path}`, { throwIfNoEntry: false }) !== undefined;
}
