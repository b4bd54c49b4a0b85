import type { GuestContainer } from './guest-container.ts';
import { type DiskTuning, DNS_LABEL, GUEST_LIMITS, type GuestDisk, type GuestSpec } from './guest-spec.ts';
import type { Pod } from './pod.ts';
import { DISKS_ANNOTATION, readDisksAnnotation } from './disks-annotation.ts';
import { collector, type Step } from './step.ts';
import { annotationField, type Violation } from './violation.ts';

/** Name of the boot disk in the annotation. */
export const BOOT_DISK = 'root';
/** q35's own SATA controller has six ports. */
const SATA_PORTS = 6;
const VOLUME = new RegExp(DNS_LABEL);

type Disks = Pick<GuestSpec, 'disks' | 'bootDisk'>;
type Tunings = ReadonlyMap<string, DiskTuning & { readonly readOnly?: true }>;

/** The boot disk's tuning and the block claims of the guest container, in order. */
export function parseDisks(pod: Pod, guest: GuestContainer, mode: GuestSpec['boot']['mode']): Step<Disks> {
  const { take, step } = collector();
  const text = pod.metadata.annotations?.[DISKS_ANNOTATION];
  const tunings = take(readDisksAnnotation(text));
  const names = (guest.container.volumeDevices ?? []).map((device) => device.name);
  take({ value: undefined, violations: claimViolations(names, guest.path) });
  const disks = names.map((volume): GuestDisk => ({ volume, ...readOnlySource(pod, volume), ...tunings.get(volume) }));
  // Read-only is refused of it below.
  const bootDisk: DiskTuning = tunings.get(BOOT_DISK) ?? {};
  if (text === undefined) return step({ disks });
  const reasons = [...nameReasons(tunings, names, mode)];
  if (reasons.length === 0) reasons.push(...togetherReasons(bootDisk, disks));
  const field = annotationField(DISKS_ANNOTATION);
  take({ value: undefined, violations: reasons.map((message) => ({ field, value: text, message })) });
  return step({ disks, ...(tunings.has(BOOT_DISK) ? { bootDisk } : {}) });
}

/** Entries that fit no disk. */
function nameReasons(tunings: Tunings, names: readonly string[], mode: GuestSpec['boot']['mode']): readonly string[] {
  const ambiguous = tunings.has(BOOT_DISK) && names.includes(BOOT_DISK);
  const readOnlyBoot = tunings.get(BOOT_DISK)?.readOnly === true;
  return [
    ...unknownNames(tunings, mode === 'disk' ? [BOOT_DISK, ...names] : names),
    ...(ambiguous ? ["'root' is the boot disk and a volume of this pod; rename the volume"] : []),
    ...(readOnlyBoot ? ["'root' is a layer that goes with the pod, so readonly would only break the guest; remove it"] : []),
  ];
}

/** A claim the pod may only read is a disk the guest may only read: QEMU could not open it otherwise. */
function readOnlySource({ spec }: Pod, name: string): { readOnly?: true } {
  const volume = spec.volumes?.find((one) => one.name === name);
  return volume?.persistentVolumeClaim?.readOnly === true ? { readOnly: true } : {};
}

function claimViolations(names: readonly string[], path: string): readonly Violation[] {
  const violations = names.flatMap((name, index) => {
    const message = diskReason(name, names.indexOf(name) !== index);
    return message === '' ? [] : [{ field: `${path}.volumeDevices[${index}].name`, value: name, message }];
  });
  if (names.length <= GUEST_LIMITS.disks) return violations;
  const message = `allowed: at most ${GUEST_LIMITS.disks} block claims`;
  return [...violations, { field: `${path}.volumeDevices`, value: String(names.length), message }];
}

function diskReason(name: string, repeated: boolean): string {
  if (!VOLUME.test(name)) return 'allowed: lower-case letters, digits and dashes, at most 63 (a DNS label)';
  return repeated ? 'one volume can be one disk only; remove the second entry' : '';
}

function unknownNames(tunings: Tunings, known: readonly string[]): readonly string[] {
  return [...tunings.keys()]
    .filter((name) => !known.includes(name))
    .map((name) => {
      const allowed = known.length === 0 ? 'this guest has no disk' : `allowed: ${known.map((one) => `'${one}'`).join(', ')}`;
      return `names '${name}', which is neither the boot disk ('${BOOT_DISK}') nor in the guest's volumeDevices; ${allowed}`;
    });
}

/** What single disks cannot know. */
function togetherReasons(bootDisk: DiskTuning, claims: readonly GuestDisk[]): readonly string[] {
  const disks: readonly Partial<GuestDisk>[] = [bootDisk, ...claims];
  const sata = disks.filter((disk) => disk.bus === 'sata');
  const readOnlySata = sata.some((disk) => disk.readOnly === true);
  return [
    ...(sata.length > SATA_PORTS ? [`has ${sata.length} disks on bus=sata; allowed: at most ${SATA_PORTS}`] : []),
    ...(readOnlySata ? ['a read-only disk cannot be on bus=sata (SATA disks have no write protection); use bus=virtio'] : []),
    ...repeated('boot', disks.map((disk) => disk.bootIndex)),
    // Without a serial of its own a disk has its name.
    ...repeated('serial', [bootDisk.serial ?? BOOT_DISK, ...claims.filter(({ volume }) => volume !== BOOT_DISK).map((disk) => disk.serial ?? disk.volume)]),
  ]; // prettier-ignore
}

function repeated(key: string, values: readonly (string | number | undefined)[]): readonly string[] {
  const given = values.filter((value) => value !== undefined);
  const twice = given.find((value, index) => given.indexOf(value) !== index);
  return twice === undefined ? [] : [`says ${key}=${twice} of two disks; give each its own`];
}
