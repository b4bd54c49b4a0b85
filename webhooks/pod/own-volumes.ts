import type { GuestSpec } from '../../api/guest-spec.ts';
import { BOOT_VOLUME, CLOUD_INIT_PATH, CLOUD_INIT_VOLUME, SCRATCH_VOLUME, SEED_PATH, SEED_VOLUME } from '../../api/names.ts';
import type { Volume, VolumeMount } from '../../api/pod.ts';

/** A volume some guests need, and where the launcher has it. */
export interface OwnVolume {
  readonly volume: Volume;
  readonly mount: VolumeMount;
}

/** Names of all volumes that admission may add. */
export const OWN_VOLUMES: readonly string[] = [BOOT_VOLUME, SCRATCH_VOLUME, CLOUD_INIT_VOLUME, SEED_VOLUME];

/** Kubernetes' own default, said because the API server would add it. */
const SECRET_MODE = 0o644;

/** What this guest needs beside boot image and scratch. */
export function optionalVolumes(guest: GuestSpec): readonly OwnVolume[] {
  return guest.cloudInit === undefined ? [] : cloudInitVolumes(guest.cloudInit.secret);
}

/** The Secret, and memory for the disk made of it: it never touches the node's disk. */
function cloudInitVolumes(secretName: string): readonly OwnVolume[] {
  return [
    {
      volume: { name: CLOUD_INIT_VOLUME, secret: { secretName, defaultMode: SECRET_MODE } },
      mount: { name: CLOUD_INIT_VOLUME, mountPath: CLOUD_INIT_PATH, readOnly: true },
    },
    {
      volume: { name: SEED_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
      mount: { name: SEED_VOLUME, mountPath: SEED_PATH },
    },
  ];
}
