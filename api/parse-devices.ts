import { type GuestSpec, OBJECT_NAME } from './guest-spec.ts';
import { PREFIX } from './names.ts';
import { didYouMean } from './nearest.ts';
import type { Pod } from './pod.ts';
import { bad, good, type Step } from './step.ts';
import { TIME_ZONES } from './time-zones.ts';
import { annotationField } from './violation.ts';

export const FIRMWARE_ANNOTATION = `${PREFIX}firmware`;
export const CLOCK_ANNOTATION = `${PREFIX}clock`;
export const CLOUD_INIT_ANNOTATION = `${PREFIX}cloud-init`;

type Settings = Pick<GuestSpec, 'tpm' | 'watchdog' | 'panic' | 'rng'>;

/** Values other than the default of annotations with a closed list; what is not here is refused elsewhere, by the schema. */
const SETTINGS: { readonly [K in keyof Settings]-?: readonly NonNullable<Settings[K]>[] } = {
  tpm: ['ephemeral'],
  watchdog: ['reset', 'poweroff', 'pause'],
  panic: ['pause', 'ignore'],
  rng: ['none'],
};

const CHOSEN = Object.entries<readonly (string | undefined)[]>(SETTINGS).map(([name, values]) => ({
  name,
  annotation: PREFIX + name,
  values,
}));

/** Devices that are chosen by one word. A default leaves nothing in the GuestSpec. */
export function parseSettings({ metadata: { annotations = {} } }: Pod): Step<Settings> {
  const given = CHOSEN.filter(({ annotation, values }) => values.includes(annotations[annotation]));
  return good(Object.fromEntries(given.map(({ name, annotation }) => [name, annotations[annotation]])) as Settings);
}

/** What starts the guest. Secure Boot checks what a disk boots, so it needs one. */
export function parseFirmware({ metadata }: Pod, mode: GuestSpec['boot']['mode']): Step<GuestSpec['firmware']> {
  const value = metadata.annotations?.[FIRMWARE_ANNOTATION];
  if (value === 'uefi-secure' && mode !== 'disk') {
    const message = `checks what a disk boots, and podvisor.dev/boot: ${mode} has none; use boot: disk, or firmware uefi or bios`;
    return bad('bios', { field: annotationField(FIRMWARE_ANNOTATION), value, message });
  }
  return good(value === 'uefi' || value === 'uefi-secure' ? value : 'bios');
}

/** Time zone of the real-time clock. */
export function parseClock({ metadata }: Pod): Step<Pick<GuestSpec, 'clock'>> {
  const value = metadata.annotations?.[CLOCK_ANNOTATION] ?? 'utc';
  if (value === 'utc') return good({});
  if (TIME_ZONES.includes(value)) return good({ clock: value });
  const hint = value === 'localtime' ? '; name the zone the guest believes in' : didYouMean(value, TIME_ZONES);
  const message = `is no time zone${hint}; allowed: utc, or a name of the tz database such as Europe/Berlin`;
  return bad({}, { field: annotationField(CLOCK_ANNOTATION), value, message });
}

const NAME = new RegExp(OBJECT_NAME);

/** The Secret a NoCloud seed is made of. Its content never comes near the pod's own text. */
export function parseCloudInit({ metadata }: Pod): Step<Pick<GuestSpec, 'cloudInit'>> {
  const value = metadata.annotations?.[CLOUD_INIT_ANNOTATION];
  if (value === undefined) return good({});
  if (NAME.test(value)) return good({ cloudInit: { secret: value } });
  const message =
    "is no name of a Secret; user data in the pod itself would be readable to all who may read pods: put it into a Secret of the pod's namespace (key user-data) and name that";
  // Not the value: it may be the secret itself.
  return bad({}, { field: annotationField(CLOUD_INIT_ANNOTATION), message });
}
