import { Gauge } from 'prom-client';
import { MAC_UNIQUE } from '../../api/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNoLongerThere } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { splitKey, type KubeObject } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { LedWrites } from '../leadership/led-writes.ts';
import { vmPodMacs, type VmPods } from '../vm-pods.ts';
import type { PodMacs } from './facts.ts';
import { createMacIndex, type MacIndex } from './mac-index.ts';
import { nextActions, type MacAction } from './next-actions.ts';

/** What the controller needs. */
export interface MacCollisionsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly events: EventRecorder;
  readonly writes: LedWrites;
  readonly vmPods: VmPods;
}

const FIELD_MANAGER = 'podvisor-controllers';

/** Reports VM pods that have one MAC on one network, on both, and takes it back when that is over. Works while the pods are watched. */
export function createMacCollisions(options: MacCollisionsOptions): void {
  const { writes, clock, metrics, vmPods } = options;
  const index = createMacIndex();
  const list = writes.list('mac-collisions', (key) => write(key, index, options));
  vmPods.onChange((changed, pod) => {
    for (const key of index.set(changed, pod?.macs)) {
      const { reported } = index.get(key) ?? {};
      list.want(key, nextActions(reported, index.collisionsOf(key), clock.now()).length > 0);
    }
  });
  registerGauge(metrics, index);
}

function registerGauge({ registry }: Metrics, index: MacIndex): void {
  new Gauge({
    name: 'podvisor_mac_collisions',
    help: 'MACs that more than one running VM pod has on one network.',
    registers: [registry],
    collect() {
      this.set(index.collisions());
    },
  });
}

/** The pod is read first: another replica, or we ourselves a moment ago, may have written what the cache does not show yet. */
async function write(key: string, index: MacIndex, options: MacCollisionsOptions): Promise<void> {
  const known = index.get(key);
  const path = pathOf(KINDS.pods, splitKey(key));
  try {
    const pod = vmPodMacs(await options.client.get<KubeObject>(path));
    // Another pod by now: the watch will say so.
    if (pod === undefined || pod.uid !== known?.uid) return;
    const actions = nextActions(pod.reported, index.collisionsOf(key), options.clock.now());
    for (const action of actions) await carryOut(action, pod, options);
  } catch (error) {
    if (!isNoLongerThere(error)) throw error;
  }
}

async function carryOut(action: MacAction, pod: PodMacs, { client, events }: MacCollisionsOptions): Promise<void> {
  const { uid, namespace, name } = pod;
  if (action.do === 'tell') return events.record({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid }, action.event);
  const { condition, lastTransitionTime } = action;
  const entry = { type: MAC_UNIQUE, ...condition, ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }) };
  // Conditions merge by type (core/v1 PodStatus patchMergeKey): those of others are not touched.
  const body = { metadata: { uid }, status: { conditions: [entry] } };
  const patch = { type: 'strategic', body, subresource: 'status', fieldManager: FIELD_MANAGER } as const;
  await client.patch(pathOf(KINDS.pods, { namespace, name }), patch);
}
