import type { GuestSpec } from '../api/guest-spec.ts';
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
import { createPacker, type Packer } from './policy-status/packed-text.ts';

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

interface ReadVm {
  readonly id: Pick<PodMacs, 'uid' | 'namespace' | 'name'>;
  readonly pod: Pod;
  readonly guest: GuestSpec;
}

function readVm(raw: KubeObject): ReadVm | undefined {
  const pod = raw as unknown as Pod;
  const stored = readStoredGuest(pod);
  const { uid, namespace, name } = raw.metadata;
  if (!stored.ok || uid === undefined || namespace === undefined) return undefined;
  return { id: { uid, namespace, name }, pod, guest: stored.guest };
}

/** What to keep of a pod; undefined for one that admission did not turn into a VM. */
export function vmPod(raw: KubeObject, pack: Packer): VmPod | undefined {
  const read = readVm(raw);
  return read && { macs: podMacs(read.id, read.guest, read.pod), stored: storedVm(read.pod, read.guest, pack) };
}

/** The part of {@link vmPod} that concerns MACs. */
export function vmPodMacs(raw: KubeObject): PodMacs | undefined {
  const read = readVm(raw);
  return read && podMacs(read.id, read.guest, read.pod);
}

/** A watch of the running VM pods that has not begun. */
export function createVmPods(options: { client: KubeClient; clock: Clock; random: Random; log: Log }): VmPods {
  const handlers: ((key: string, pod: VmPod | undefined) => void)[] = [];
  const pack = createPacker();
  const reflector = createReflector<VmPod>({
    ...options,
    path: pathOf(KINDS.pods),
    query: RUNNING_VMS,
    keep: (raw) => vmPod(raw, pack),
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
