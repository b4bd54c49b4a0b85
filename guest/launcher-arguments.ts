import type { GuestSpec } from '../api/guest-spec.ts';

/** What the launcher must prepare before QEMU starts: the arguments of launcher/podvisor-launch. The first is the boot source. */
export function launcherArguments({ boot, firmware, tpm, cloudInit, clock }: GuestSpec): readonly string[] {
  return [
    boot.mode,
    ...(firmware === 'bios' ? [] : [`variables=${firmware}`]),
    ...(tpm === undefined ? [] : ['tpm']),
    ...(cloudInit === undefined ? [] : ['cloud-init']),
    ...(clock === undefined ? [] : [`zone=${clock}`]),
  ];
}
