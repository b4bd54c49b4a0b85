import type { GuestSpec } from '../../api/guest-spec.ts';

const MIB = 1024 * 1024;

/** What a shape says of a guest; all else is as admission makes it for the smallest pod. */
export interface Shape {
  readonly vcpus: number;
  readonly mib: number;
  readonly claims: number;
  readonly nics: number;
  readonly uefi?: boolean;
  readonly tpm?: boolean;
  readonly cloudInit?: boolean;
  readonly kernel?: boolean;
  readonly hugepages?: boolean;
}

/** The shapes that are measured: each part alone and together, small and as large as a machine of tests allows. */
export const SHAPES: readonly Shape[] = [
  { vcpus: 1, mib: 96, claims: 0, nics: 1, kernel: true },
  { vcpus: 1, mib: 96, claims: 0, nics: 1 },
  { vcpus: 1, mib: 128, claims: 0, nics: 1 },
  { vcpus: 1, mib: 256, claims: 0, nics: 1 },
  { vcpus: 1, mib: 1024, claims: 0, nics: 1 },
  { vcpus: 1, mib: 4096, claims: 0, nics: 1 },
  { vcpus: 2, mib: 128, claims: 0, nics: 1 },
  { vcpus: 4, mib: 128, claims: 0, nics: 1 },
  { vcpus: 8, mib: 128, claims: 0, nics: 1 },
  { vcpus: 1, mib: 128, claims: 1, nics: 1 },
  { vcpus: 1, mib: 128, claims: 4, nics: 1 },
  { vcpus: 1, mib: 128, claims: 8, nics: 1 },
  { vcpus: 1, mib: 128, claims: 0, nics: 2 },
  { vcpus: 1, mib: 128, claims: 0, nics: 4 },
  { vcpus: 1, mib: 256, claims: 0, nics: 1, uefi: true },
  { vcpus: 1, mib: 128, claims: 0, nics: 1, tpm: true },
  { vcpus: 1, mib: 128, claims: 0, nics: 1, cloudInit: true },
  { vcpus: 2, mib: 128, claims: 0, nics: 1, hugepages: true },
  { vcpus: 2, mib: 512, claims: 2, nics: 2, uefi: true, tpm: true, cloudInit: true },
  { vcpus: 8, mib: 4096, claims: 8, nics: 4, uefi: true, tpm: true, cloudInit: true },
];

/** The guest of a shape. */
export function shapedGuest(shape: Shape, base: GuestSpec): GuestSpec {
  const [network] = base.networks;
  if (network === undefined) throw new Error('a guest has a network');
  return {
    ...base,
    vcpus: shape.vcpus,
    memoryBytes: shape.mib * MIB,
    boot: { ...base.boot, mode: shape.kernel === true ? 'kernel' : 'disk' },
    disks: Array.from({ length: shape.claims }, (_, index) => ({ volume: `claim${index}` })),
    networks: Array.from({ length: shape.nics }, (_, index) => ({
      ...network,
      name: index === 0 ? 'pod' : `default/n${index}`,
      interface: index === 0 ? 'eth0' : `net${index}`,
    })),
    firmware: shape.uefi === true ? 'uefi' : 'bios',
    ...(shape.tpm === true ? { tpm: 'ephemeral' as const } : {}),
    ...(shape.cloudInit === true ? { cloudInit: { secret: 'seed' } } : {}),
    ...(shape.hugepages === true ? { hugepages: '2Mi' as const } : {}),
  };
}

/** `2 vCPUs, 512 MiB, 2 claims, …` */
export function shapeText({ vcpus, mib, claims, nics, ...flags }: Shape): string {
  const parts = [`${vcpus} vCPU`, `${mib} MiB`, `${claims} claims`, `${nics} NICs`, ...Object.keys(flags)];
  return parts.join(', ');
}
