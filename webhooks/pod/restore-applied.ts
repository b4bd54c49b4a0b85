import { isDeepStrictEqual } from 'node:util';
import type { GuestSpec } from '../../api/guest-spec.ts';
import { NETWORKS_ANNOTATION, SCHEDULER_NAME } from '../../api/names.ts';
import { withMacs } from '../../api/network-selection.ts';
import { readStoredGuest } from '../../api/parse-stored.ts';
import type { Container, Pod, ResourceList, ResourceRequirements } from '../../api/pod.ts';
import { removeOverhead } from './add-overhead.ts';
import { editGuestContainer } from './apply-guest.ts';
import { withField } from './lists.ts';

/**
 * An UPDATE of a VM pod in which a client has put back what the user once wrote: `kubectl apply` of the same file, or a GitOps controller,
 * merges the user's image and sizes over ours, and Kubernetes refuses that as a change of immutable fields. Where the pod asks for exactly
 * the guest it already has, our values are put back, so that nothing changes; whatever else differs stays for validation to judge. Pure.
 */
export function restoreApplied(old: Pod, pod: Pod): Pod {
  const stored = readStoredGuest(old);
  const before = stored.ok ? old.spec.containers.find((container) => container.name === stored.guest.container) : undefined;
  if (!stored.ok || before === undefined) return pod;
  const restored = editGuestContainer(pod, stored.guest, (container) => restoreContainer(before, container, stored.guest));
  return restoreNetworks(old, restorePodFields(old, restored), stored.guest);
}

type Restore = (before: Container, now: Container, guest: GuestSpec) => Container;

const STEPS: readonly Restore[] = [restoreImage, restoreResources, restoreDisks];

function restoreContainer(before: Container, now: Container, guest: GuestSpec): Container {
  return STEPS.reduce((current, step) => step(before, current, guest), now);
}

function restoreImage(before: Container, now: Container, { boot }: GuestSpec): Container {
  if (now.image !== boot.image) return now;
  const image = withField(now, 'image', before.image);
  return now.imagePullPolicy === boot.pullPolicy ? withField(image, 'imagePullPolicy', before.imagePullPolicy) : image;
}

/** Each list on its own: a merge may have brought back the limit and left the request, which no user wrote. */
function restoreResources(before: Container, now: Container, guest: GuestSpec): Container {
  const ours: ResourceRequirements = before.resources ?? {};
  const user = removeOverhead(ours, guest);
  const asked = (list: 'limits' | 'requests'): boolean =>
    CHANGED.every((name) => {
      const amount = now.resources?.[list]?.[name];
      return amount === user[list]?.[name] || amount === ours[list]?.[name];
    });
  if (!asked('limits') || !asked('requests')) return now;
  const restored = (list: 'limits' | 'requests') => ({ ...now.resources?.[list], ...pick(ours[list]) });
  const resources = { ...now.resources, limits: restored('limits'), requests: restored('requests') };
  return isDeepStrictEqual(resources, ours) ? { ...now, resources: ours } : now;
}

/** Resources whose amounts admission changes. */
const CHANGED = ['memory', 'cpu'] as const;

function pick(list: ResourceList = {}): ResourceList {
  return Object.fromEntries(CHANGED.flatMap((name) => (list[name] === undefined ? [] : [[name, list[name]]])));
}

/** Devices merge by path, so the user's path comes back beside ours. */
function restoreDisks(before: Container, now: Container): Container {
  const names = (container: Container): readonly string[] => [
    ...new Set((container.volumeDevices ?? []).map((device) => device.name)),
  ];
  const same = isDeepStrictEqual([...names(before)].sort(), [...names(now)].sort());
  return same && before.volumeDevices !== undefined ? { ...now, volumeDevices: before.volumeDevices } : now;
}

function restorePodFields(old: Pod, pod: Pod): Pod {
  const scheduler = pod.spec.schedulerName === 'default-scheduler' && old.spec.schedulerName === SCHEDULER_NAME;
  const spec = {
    ...pod.spec,
    ...(scheduler ? { schedulerName: SCHEDULER_NAME } : {}),
    ...(old.spec.automountServiceAccountToken === false ? { automountServiceAccountToken: false } : {}),
  };
  return { ...pod, spec };
}

/** The same networks as the user wrote them, without the MAC addresses that admission told Multus. */
function restoreNetworks(old: Pod, pod: Pod, guest: GuestSpec): Pod {
  const before = old.metadata.annotations?.[NETWORKS_ANNOTATION];
  const now = pod.metadata.annotations?.[NETWORKS_ANNOTATION];
  if (before === undefined || now === undefined || now === before) return pod;
  const [, ...secondary] = guest.networks;
  const macs = secondary.map(({ mac }) => mac);
  if (withMacs(now, macs) !== before) return pod;
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, [NETWORKS_ANNOTATION]: before } } };
}
