import type { GuestSpec } from '../../api/guest-spec.ts';
import {
  BOOT_VOLUME,
  GUEST_ANNOTATION,
  GUEST_READY,
  NETWORKS_ANNOTATION,
  SCHEDULER_NAME,
  SCRATCH_VOLUME,
  TOKEN_MOUNT_PATH,
} from '../../api/names.ts';
import { withMacs } from '../../api/network-selection.ts';
import type { Container, Pod, PodSpec, Volume } from '../../api/pod.ts';
import { launcherContainer } from './launcher-container.ts';
import { withNamed, without } from './lists.ts';
import { optionalVolumes } from './own-volumes.ts';

type Step = (pod: Pod, guest: GuestSpec) => Pod;

const STEPS: readonly Step[] = [setVolumes, setReadinessGate, setScheduler, setAutomount, setNetworks, setAnnotation];

/**
 * The pod that runs `guest`: every field Podvisor owns is set, every other one is left alone. Idempotent; the memory request is not set
 * here, because it is relative to what the user asked for (add-overhead.ts).
 */
export function applyGuest(pod: Pod, guest: GuestSpec, launcherImage: string): Pod {
  const launched = editGuestContainer(pod, guest, (container) => launcherContainer(container, guest, launcherImage));
  return STEPS.reduce((current, step) => step(current, guest), dropUnused(launched, tokenVolumes(pod, guest)));
}

/** The pod with the guest container replaced by what `edit` makes of it. */
export function editGuestContainer(pod: Pod, guest: GuestSpec, edit: (container: Container) => Container): Pod {
  const containers = pod.spec.containers.map((container) => (container.name === guest.container ? edit(container) : container));
  return withSpec(pod, { containers });
}

function withSpec(pod: Pod, change: Partial<PodSpec>): Pod {
  return { ...pod, spec: { ...pod.spec, ...change } };
}

/** Volumes that ServiceAccount admission gave the guest container for its token. */
function tokenVolumes(pod: Pod, guest: GuestSpec): readonly string[] {
  const container = pod.spec.containers.find((one) => one.name === guest.container);
  return (container?.volumeMounts ?? []).filter((mount) => mount.mountPath === TOKEN_MOUNT_PATH).map((mount) => mount.name);
}

/** A token nobody mounts any more goes; sidecars keep theirs. */
function dropUnused(pod: Pod, volumes: readonly string[]): Pod {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const mounted = containers.flatMap((container) => container.volumeMounts ?? []).map((mount) => mount.name);
  const left = without(pod.spec.volumes, (volume) => volumes.includes(volume.name) && !mounted.includes(volume.name));
  return left === undefined ? pod : withSpec(pod, { volumes: left });
}

function setVolumes(pod: Pod, guest: GuestSpec): Pod {
  const { boot } = guest;
  const bootVolume: Volume = { name: BOOT_VOLUME, image: { reference: boot.image, pullPolicy: boot.pullPolicy } };
  const volumes = withNamed(pod.spec.volumes, bootVolume);
  const hasScratch = volumes.some((volume) => volume.name === SCRATCH_VOLUME && volume.emptyDir !== undefined);
  const scratched = hasScratch ? volumes : withNamed(volumes, { name: SCRATCH_VOLUME, emptyDir: {} });
  const all = optionalVolumes(guest).reduce((list, { volume }) => withNamed(list, volume), scratched);
  return withSpec(pod, { volumes: all });
}

function setReadinessGate(pod: Pod): Pod {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.some((gate) => gate.conditionType === GUEST_READY)) return pod;
  return withSpec(pod, { readinessGates: [...gates, { conditionType: GUEST_READY }] });
}

/** A scheduler the user chose stays: it may have our extender wired in. */
function setScheduler(pod: Pod): Pod {
  const { schedulerName = '' } = pod.spec;
  return ['', 'default-scheduler'].includes(schedulerName) ? withSpec(pod, { schedulerName: SCHEDULER_NAME }) : pod;
}

/** Built-in plugins run again after a webhook changed a pod: without this, ServiceAccount admission would put the token back. */
function setAutomount(pod: Pod): Pod {
  return withSpec(pod, { automountServiceAccountToken: false });
}

/** Multus is told the guest's MAC addresses, so that a port that filters by them lets the guest through. */
function setNetworks(pod: Pod, guest: GuestSpec): Pod {
  const text = pod.metadata.annotations?.[NETWORKS_ANNOTATION] ?? '';
  const [, ...secondary] = guest.networks;
  const told = withMacs(
    text,
    secondary.map(({ mac }) => mac),
  );
  return told === text ? pod : annotated(pod, NETWORKS_ANNOTATION, told);
}

function setAnnotation(pod: Pod, guest: GuestSpec): Pod {
  return annotated(pod, GUEST_ANNOTATION, JSON.stringify(guest));
}

function annotated(pod: Pod, name: string, value: string): Pod {
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, [name]: value } } };
}
