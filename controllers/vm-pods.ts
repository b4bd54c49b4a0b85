import { VM_LABEL, VM_LABEL_VALUE } from '../api/names.ts';
import { readStoredGuest } from '../api/parse-stored.ts';
import type { Pod } from '../api/pod.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject } from '../kube/objects.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import { createReflector } from '../kube/reflector.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { podMacs, type PodMacs } from './mac-collisions/facts.ts';
import { storedVm, type StoredVm } from './policy-status/facts.ts';

/** What is kept of a running VM pod, by controller. */
export interface VmPod {
  readonly macs: PodMacs;
  readonly stored: StoredVm;
}

/** The running VM pods, watched once for all controllers. */
export interface VmPods {
  /** Before {@link VmPods.start}. Undefined = gone, or over. */
  onChange(handler: (key: string, pod: VmPod | undefined) => void): void;
  start(): void;
  stop(): Promise<void>;
  synced(): boolean;
}

/** VM pods that are on a node and not over (field selectors of pods know no "or", so by exclusion). */
const RUNNING_VMS = {
  labelSelector: `${VM_LABEL}=${VM_LABEL_VALUE}`,
  fieldSelector: 'spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed',
};

/** What to keep of a pod; undefined for one that admission did not turn into a VM. */
export function vmPod(raw: KubeObject): VmPod | undefined {
  const pod = raw as unknown as Pod;
  const stored = readStoredGuest(pod);
  const { uid, namespace, name } = raw.metadata;
  if (!stored.ok || uid === undefined || namespace === undefined) return undefined;
  return { macs: podMacs({ uid, namespace, name }, stored.guest, pod), stored: storedVm(pod, stored.guest) };
}

/** A watch of the running VM pods that has not begun. */
export function createVmPods(options: { client: KubeClient; clock: Clock; random: Random; log: Log }): VmPods {
  const handlers: ((key: string, pod: VmPod | undefined) => void)[] = [];
  const reflector = createReflector<VmPod>({
    ...options,
    path: pathOf(KINDS.pods),
    query: RUNNING_VMS,
    keep: vmPod,
    onChange: (key, pod) => {
      for (const handler of handlers) handler(key, pod);
    },
  });
  return {
    onChange: (handler) => void handlers.push(handler),
    start: () => reflector.start(),
    stop: () => reflector.stop(),
    synced: () => reflector.synced(),
  };
}
