import { lchownSync, lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { DISKS_PATH, LAUNCHER_UID } from '../api/names.ts';
import { messageOf } from '../runtime/errors.ts';
import type { LauncherId } from './slot-types.ts';

/** What is asked of a file. */
export type FileFacts = Pick<Stats, 'uid' | 'mode' | 'isDirectory' | 'isBlockDevice' | 'isCharacterDevice'>;

/** The file system calls used, so that tests can put theirs. */
export interface DiskFileSystem {
  lstat(path: string): FileFacts | undefined;
  lchown(path: string, uid: number, gid: number): void;
}

/** The node's file system. */
export const realDiskFileSystem: DiskFileSystem = {
  lstat: (path) => lstatSync(path, { throwIfNoEntry: false }),
  lchown: (path, uid, gid) => lchownSync(path, uid, gid),
};

const GROUP_AND_OTHER_WRITE = 0o022;

/**
 * Gives the block claims of a launcher's container to QEMU's user. Many runtimes create them root-owned, mode 0600
 * (containerd without `device_ownership_from_security_context`). The way there leads through the container's root, so that and every
 * directory on it must be root's, closed to others and no symlink: then nobody in the container could have put or can swap anything.
 * '' = done, else why not.
 */
export function handOverDisks(launcher: LauncherId, volumes: readonly string[], files: DiskFileSystem, proc = '/proc'): string {
  const root = `${proc}/${launcher.pid}/root`;
  for (const volume of volumes) {
    const reason = handOver(root, `${DISKS_PATH}/${volume}`, 'block', files);
    if (reason !== '') return `block volume '${volume}': ${reason}`;
  }
  return '';
}

/** As {@link handOverDisks}, for character devices by their paths in the container. */
export function handOverCharacterDevices(
  launcher: LauncherId,
  paths: readonly string[],
  files: DiskFileSystem,
  proc = '/proc',
): string {
  const root = `${proc}/${launcher.pid}/root`;
  return paths.map((path) => handOver(root, path, 'character', files)).find((reason) => reason !== '') ?? '';
}

function handOver(root: string, path: string, kind: 'block' | 'character', files: DiskFileSystem): string {
  const names = path.split('/').filter((name) => name !== '');
  // The dot, because /proc/PID/root is a link itself: who owns the root could swap the directories in it between two looks.
  const distrusted = distrust(files.lstat(`${root}/.`));
  if (distrusted !== '') return `/ ${distrusted}`;
  for (let length = 1; length < names.length; length += 1) {
    const reason = distrust(files.lstat(join(root, ...names.slice(0, length))));
    if (reason !== '') return `/${names.slice(0, length).join('/')} ${reason}`;
  }
  const device = join(root, ...names);
  const stat = files.lstat(device);
  if (stat === undefined) return `${path} does not exist in the launcher's container`;
  if (!(kind === 'block' ? stat.isBlockDevice() : stat.isCharacterDevice())) return `${path} is no ${kind} device`;
  return stat.uid === LAUNCHER_UID ? '' : give(device, files);
}

function distrust(stat: FileFacts | undefined): string {
  if (stat === undefined) return 'does not exist';
  if (!stat.isDirectory()) return 'is no directory';
  return stat.uid !== 0 || (stat.mode & GROUP_AND_OTHER_WRITE) !== 0 ? 'can be written by others than root' : '';
}

function give(device: string, files: DiskFileSystem): string {
  try {
    files.lchown(device, LAUNCHER_UID, LAUNCHER_UID);
    return '';
  } catch (error) {
    return `it cannot be given to user ${LAUNCHER_UID}: ${messageOf(error)}`;
  }
}
