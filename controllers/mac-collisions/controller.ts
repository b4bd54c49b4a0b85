import { Gauge } from 'prom-client';
import { MAC_UNIQUE, VM_LABEL, VM_LABEL_VALUE } from '../../api/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isConflict, isInvalid, isNotFound } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { splitKey, type KubeObject } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Random } from '../../runtime/random.ts';
import type { Controller } from '../controller.ts';
import type { LedWrites } from '../leadership/led-writes.ts';
import { podMacs, type PodMacs } from './facts.ts';
import { createMacIndex, type MacIndex } from './mac-index.ts';
import { nextActions, type MacAction } from './next-actions.ts';

/** What the controller needs. */
export interface MacCollisionsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: EventRecorder;
  readonly writes: LedWrites;
}

/** VM pods that are on a node and not over (field selectors of pods know no "or", so by exclusion). */
const BOUND_VMS = {
  labelSelector: `${VM_LABEL}=${VM_LABEL_VALUE}`,
  fieldSelector: 'spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed',
};
const FIELD_MANAGER = 'podvisor-controllers';

/** Reports VM pods that have one MAC on one network, on both, and takes it back when that is over. */
export function createMacCollisions(options: MacCollisionsOptions): Controller {
  const { writes, clock, metrics } = options;
  const index = createMacIndex();
  const list = writes.list('mac-collisions', (key) => write(key, index, options));
  const reflector = createReflector<PodMacs>({
    ...options,
    path: pathOf(KINDS.pods),
    query: BOUND_VMS,
    keep: podMacs,
    onChange: (changed, pod) => {
      for (const key of index.set(changed, pod)) {
        const { reported } = index.get(key) ?? {};
        list.want(key, nextActions(reported, index.collisionsOf(key), clock.now()).length > 0);
      }
    },
  });
  registerGauge(metrics, index);
  return {
    start: () => reflector.start(),
    stop: () => reflector.stop(),
    unready: () => (reflector.synced() ? '' : 'VM pods not read from the API server yet'),
  };
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
    const pod = podMacs(await options.client.get<KubeObject>(path));
    // Another pod by now: the watch will say so.
    if (pod === undefined || pod.uid !== known?.uid) return;
    const actions = nextActions(pod.reported, index.collisionsOf(key), options.clock.now());
    for (const action of actions) await carryOut(action, pod, options);
  } catch (error) {
    // Gone, or another pod of its name (a changed uid is Invalid): nobody is left to tell.
    if (!isNotFound(error) && !isConflict(error) && !isInvalid(error)) throw error;
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
