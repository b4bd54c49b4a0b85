import type { LauncherId, SlotState } from '../slot-types.ts';
import type { RunningVm } from './vm-use.ts';

/** VMs of the node, and whether one is about to run. */
export interface RunningVms {
  readonly vms: readonly RunningVm[];
  readonly starting: boolean;
}

/** Guests that were given their arguments and have not ended. `isAlive` asks the kernel for the launcher. */
export function runningVms(slots: readonly SlotState[], isAlive: (launcher: LauncherId) => boolean): RunningVms {
  const running = slots.flatMap(({ slot, vm, served, ending, connected }) =>
    vm === undefined || served === undefined || ending !== undefined || !isAlive(served) ? [] : [{ slot, vm, served, connected }],
  );
  const vms = running.map(({ slot, vm, served }) => ({
    podUid: vm.uid,
    slot,
    launcher: served,
    memoryBytes: vm.guest.memoryBytes,
    hugepages: vm.guest.hugepages,
    functions: Object.values(vm.functions ?? {}),
  }));
  const waiting = slots.some(({ start }) => start !== undefined);
  return { vms, starting: waiting || running.some(({ connected }) => !connected) };
}
