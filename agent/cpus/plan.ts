import type { GuestSpec } from '../../api/guest-spec.ts';

/** Which CPUs of the node a guest's threads run on. */
export interface CpuPlan {
  /** By vCPU. */
  readonly vcpus: readonly number[];
  /** For all other threads of the container, when they are to be apart. */
  readonly emulator?: number;
}

export type CpuPlanResult = { readonly ok: true; readonly plan: CpuPlan } | { readonly ok: false; readonly reason: string };

/** One CPU for each vCPU out of those the kubelet gave the container alone; the last for the emulator if it is to be isolated. */
export function cpuPlan({ vcpus, dedicatedCpus }: GuestSpec, cpus: readonly number[]): CpuPlanResult {
  const isolate = dedicatedCpus?.emulatorThreads === 'isolate';
  const needed = vcpus + (isolate ? 1 : 0);
  if (cpus.length === 0) {
    const reason =
      'the kubelet gave the guest no CPUs of its own: it runs without the static CPU policy. ' +
      'Set cpuManagerPolicy: static in the kubelet configuration of the node, or place the pod on a node that has it.';
    return { ok: false, reason };
  }
  if (cpus.length !== needed)
    return { ok: false, reason: `the kubelet gave the guest ${cpus.length} CPUs of its own, not ${needed}` };
  const last = cpus[needed - 1];
  return { ok: true, plan: { vcpus: cpus.slice(0, vcpus), ...(isolate && last !== undefined ? { emulator: last } : {}) } };
}
