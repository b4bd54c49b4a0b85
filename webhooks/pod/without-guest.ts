import { CONTAINER_ANNOTATION } from '../../api/guest-container.ts';
import type { GuestSpec } from '../../api/guest-spec.ts';
import { GUEST_ANNOTATION, GUEST_READY, POLICY_DEFAULTS_ANNOTATION } from '../../api/names.ts';
import type { Container, Pod } from '../../api/pod.ts';
import { removeOverhead } from './add-overhead.ts';
import { editGuestContainer } from './apply-guest.ts';
import { withField, without } from './lists.ts';
import { OWN_VOLUMES } from './own-volumes.ts';

/** Annotations that admission adds. */
const OWN_ANNOTATIONS: readonly string[] = [GUEST_ANNOTATION, POLICY_DEFAULTS_ANNOTATION];

/**
 * The user's pod again, as far as the parser can tell: what {@link applyGuest} put in is taken out, what it took out stays out. Parsing it
 * must give the stored GuestSpec back; that is how a forged one is found out.
 */
export function withoutGuest(pod: Pod, guest: GuestSpec): Pod {
  const plain = editGuestContainer(pod, guest, (container) => userContainer(container, guest));
  // Sidecar injectors may have put a container before the guest since: the one chosen at admission stays the guest.
  const chosen = { [CONTAINER_ANNOTATION]: guest.container, ...pod.metadata.annotations };
  const annotations = OWN_ANNOTATIONS.reduce<Record<string, string>>((rest, name) => withField(rest, name, undefined), chosen);
  const volumes = without(plain.spec.volumes, (volume) => OWN_VOLUMES.includes(volume.name)) ?? [];
  const readinessGates = without(plain.spec.readinessGates, (gate) => gate.conditionType === GUEST_READY) ?? [];
  return { ...plain, metadata: { ...pod.metadata, annotations }, spec: { ...plain.spec, volumes, readinessGates } };
}

function userContainer(container: Container, guest: GuestSpec): Container {
  return {
    ...container,
    command: [],
    args: [],
    image: guest.boot.image,
    imagePullPolicy: guest.boot.pullPolicy,
    volumeMounts: without(container.volumeMounts, (mount) => OWN_VOLUMES.includes(mount.name)) ?? [],
    resources: removeOverhead(container.resources ?? {}, guest),
  };
}
