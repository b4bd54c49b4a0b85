import { findGuestContainer } from '../../api/guest-container.ts';
import { VOLUME_PREFIX } from '../../api/names.ts';
import { readStoredGuest } from '../../api/parse-stored.ts';
import type { Container, Pod } from '../../api/pod.ts';
import type { Violation } from '../../api/violation.ts';

/** Containers beside the guest must keep their hands off the guest's boot image and disk overlay. */
export function checkForeignUse(pod: Pod): readonly Violation[] {
  const stored = readStoredGuest(pod);
  const guest = stored.ok ? stored.guest.container : findGuestContainer(pod).value?.container.name;
  const others = pod.spec.containers.map((container, index) => ({ container, path: `spec.containers[${index}]` }));
  return [
    ...others.filter(({ container }) => container.name !== guest).flatMap(({ container, path }) => mounts(container, path)),
    ...(pod.spec.initContainers ?? []).flatMap((container, index) => mounts(container, `spec.initContainers[${index}]`)),
    ...checkEphemeralUse(pod),
  ];
}

/** The same for ephemeral containers (`kubectl debug`), which come by an update. */
export function checkEphemeralUse(pod: Pod): readonly Violation[] {
  return (pod.spec.ephemeralContainers ?? []).flatMap((container, index) =>
    mounts(container, `spec.ephemeralContainers[${index}]`),
  );
}

function mounts(container: Container, path: string): readonly Violation[] {
  return (container.volumeMounts ?? []).flatMap(({ name }, index) => {
    if (!name.startsWith(VOLUME_PREFIX)) return [];
    const message = `volumes that begin with '${VOLUME_PREFIX}' belong to the guest alone: a second writer would break its disk; remove the mount`;
    return [{ field: `${path}.volumeMounts[${index}].name`, value: name, message }];
  });
}
