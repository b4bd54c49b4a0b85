import { closeSync, constants, existsSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cgroupFiles } from '../network/apply.ts';
import type { Processes } from '../proc.ts';
import { parseList } from '../report/cpu-list.ts';
import { treeAt } from '../report/tree.ts';
import type { LauncherId } from '../slot-types.ts';

/** Which zones a container takes memory from: all of its memory, huge pages included, whatever its seccomp profile lets it ask for itself. */
export interface Cpusets {
  /** Zones it may have memory of; none = its cgroup does not say, or it is gone. */
  allowed(launcher: LauncherId): readonly number[];
  /** From now on these zones alone, as a list of the kernel's. Throws when that cannot be written. */
  bind(launcher: LauncherId, mems: string): void;
}

/** What is in effect, in version 2 and in version 1 (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/cpusets.rst). */
const EFFECTIVE = ['cpuset.mems.effective', 'cpuset.effective_mems'];

/** Cpusets below the node's /sys/fs/cgroup. */
export function createCpusets(processes: Pick<Processes, 'cgroups' | 'isAlive'>, cgroupRoot: string): Cpusets {
  const directoryOf = (launcher: LauncherId): string => {
    const directory = cpusetDirectory(processes.cgroups(launcher), cgroupRoot);
    // Checked after the look: a pid that was given out again would show another cgroup.
    return processes.isAlive(launcher) ? directory : '';
  };
  return {
    allowed: (launcher) => {
      const directory = directoryOf(launcher);
      if (directory === '') return [];
      const tree = treeAt(directory);
      return parseList(EFFECTIVE.map((file) => tree.text(file)).find(Boolean) ?? '');
    },
    bind: (launcher, mems) => {
      const directory = directoryOf(launcher);
      if (directory === '') throw new Error('the container has no cpuset');
      // Never made where it is not: a cgroup without the controller has no such file.
      const file = openSync(join(directory, 'cpuset.mems'), constants.O_WRONLY | constants.O_TRUNC);
      try {
        writeSync(file, mems);
      } finally {
        closeSync(file);
      }
    },
  };
}

/** Of the container's cgroups the one with the cpuset: version 1's own hierarchy, else the one tree of version 2. '' = there is none. */
function cpusetDirectory(cgroups: string, root: string): string {
  const lines = cgroups.split('\n');
  const own = lines.filter((line) => line.split(':')[1]?.split(',').includes('cpuset'));
  const line = own[0] ?? lines.find((one) => one.startsWith('0::')) ?? '';
  const [file] = cgroupFiles(line, root, existsSync);
  return file === undefined ? '' : dirname(file);
}
