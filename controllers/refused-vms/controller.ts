import { REFUSED, VM_LABEL, VM_LABEL_VALUE } from '../../api/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNoLongerThere } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { splitKey, type KubeObject } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import type { LedWrites } from '../leadership/led-writes.ts';
import { refusedVm, type RefusedVm } from './refused-vm.ts';

/** What the controller needs. */
export interface RefusedVmsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventRecorder;
  readonly writes: LedWrites;
}

/** Watches failed VM pods; says on those a kubelet refused, and nobody makes again, what to do: by condition and Event, once. */
export interface RefusedVms {
  start(): void;
  stop(): Promise<void>;
  synced(): boolean;
}

const FAILED_VMS = { labelSelector: `${VM_LABEL}=${VM_LABEL_VALUE}`, fieldSelector: 'status.phase=Failed' };
const FIELD_MANAGER = 'podvisor-controllers';

/** A watch that has not begun. */
export function createRefusedVms(options: RefusedVmsOptions): RefusedVms {
  const list = options.writes.list('refused-vms', (key) => write(key, options));
  return createReflector<RefusedVm>({
    ...options,
    path: pathOf(KINDS.pods),
    query: FAILED_VMS,
    keep: refusedVm,
    onChange: (key, vm) => list.want(key, vm?.told === false),
  });
}

/** The pod is read first: another replica, or we ourselves a moment ago, may have written what the cache does not show yet. */
async function write(key: string, { client, clock, events }: RefusedVmsOptions): Promise<void> {
  const path = pathOf(KINDS.pods, splitKey(key));
  try {
    const vm = refusedVm(await client.get<KubeObject>(path));
    if (vm === undefined || vm.told) return;
    const { uid, namespace, name, reason, message } = vm;
    const lastTransitionTime = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    const conditions = [{ type: REFUSED, status: 'True', reason, message, lastTransitionTime }];
    const body = { metadata: { uid }, status: { conditions } };
    await client.patch(path, { type: 'strategic', body, subresource: 'status', fieldManager: FIELD_MANAGER });
    events.record({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid }, { type: 'Warning', reason: 'Refused', message });
  } catch (error) {
    if (!isNoLongerThere(error)) throw error;
  }
}
