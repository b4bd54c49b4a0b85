import type { RunProgram } from '../run-program.ts';
import type { Processes } from '../proc.ts';
import type { LauncherId } from '../slot-types.ts';
import type { CpuPlan } from './plan.ts';

/** Sets threads' CPUs. */
export interface Pinner {
  /** The launcher, and with it all it starts from now on, to the emulator's CPU; nothing when that is not apart. */
  pinLauncher(launcher: LauncherId, plan: CpuPlan): Promise<void>;
  /** vCPU threads by their ids inside the launcher's pid namespace, which QEMU knows them by. Throws when one is not there. */
  pinVcpus(launcher: LauncherId, threads: readonly number[], plan: CpuPlan): Promise<void>;
}

/**
 * Pins with sched_setaffinity(2) by way of util-linux' taskset. Only threads of the launcher's own pid namespace are touched, whatever
 * ids the tenant's QEMU names, and the kernel keeps all of them inside the container's cpuset.
 */
export function createPinner(run: RunProgram, processes: Processes): Pinner {
  const pin = (tid: number, cpu: number): Promise<string> =>
    run({ file: 'taskset', args: ['-p', '-c', String(cpu), String(tid)] });
  return {
    pinLauncher: async ({ pid }, { emulator }) => {
      if (emulator !== undefined) await pin(pid, emulator);
    },
    pinVcpus: async (launcher, threads, { vcpus }) => {
      if (threads.length !== vcpus.length) throw new Error(`QEMU names ${threads.length} vCPU threads, not ${vcpus.length}`);
      const tids = processes.threads(launcher);
      for (const [index, cpu] of vcpus.entries()) {
        const tid = tids.get(threads[index] ?? 0);
        if (tid === undefined) throw new Error(`the thread of vCPU ${index} is not in the pod`);
        await pin(tid, cpu);
      }
    },
  };
}
