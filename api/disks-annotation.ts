import { DISK_SERIAL, type DiskTuning, GUEST_LIMITS } from './guest-spec.ts';
import { PREFIX } from './names.ts';
import { didYouMean } from './nearest.ts';
import { bad, good, type Step } from './step.ts';
import { annotationField } from './violation.ts';

/** Annotation that tunes disks. */
export const DISKS_ANNOTATION = `${PREFIX}disks`;

type Tuning = DiskTuning & { readonly readOnly?: true };
type Setting = { readonly ok: true; readonly value: Tuning } | { readonly ok: false; readonly reason: string };

const FORM =
  "allowed: 'NAME: key=value,key=value', entries separated by ';' or line breaks, e.g. 'root: bus=sata; data: serial=D1,cache=none'";
/** Two entries a disk are too many already. */
const MAX_ENTRIES = 2 * (GUEST_LIMITS.disks + 1);

const SERIAL = new RegExp(DISK_SERIAL);
const said = (value: Tuning): Setting => ({ ok: true, value });
const wrong = (reason: string): Setting => ({ ok: false, reason });

/** What each key may say. A value that is the default leaves nothing in the GuestSpec. */
const KEYS: Readonly<Record<string, (value: string) => Setting>> = {
  bus: (value) => {
    if (value === 'virtio') return said({});
    if (value === 'scsi') return wrong("bus 'scsi' is not supported yet; allowed: virtio, sata");
    return value === 'sata' ? said({ bus: 'sata' }) : wrong(`'${shown(value)}' is no bus; allowed: virtio, sata`);
  },
  serial: (value) =>
    SERIAL.test(value) ? said({ serial: value }) : wrong(`'${shown(value)}' is no serial; allowed: 1 to 20 of A-Z a-z 0-9 . _ -`),
  boot: (value) =>
    /^[1-9]\d?$/.test(value)
      ? said({ bootIndex: Number(value) })
      : wrong(`'${shown(value)}' is no place in the boot order; allowed: 1 to 99`),
  cache: (value) =>
    value === 'none' || value === 'writeback' || value === 'writethrough'
      ? said({ cache: value })
      : wrong(`'${shown(value)}' is no cache mode; allowed: none, writeback, writethrough`),
  readonly: (value) => {
    if (value === 'false') return said({});
    return value === 'true'
      ? said({ readOnly: true })
      : wrong(`'${shown(value)}' is not allowed for readonly; allowed: true, false`);
  },
};

/** Tuning by disk name. */
export function readDisksAnnotation(text: string | undefined): Step<ReadonlyMap<string, Tuning>> {
  if (text === undefined) return good(new Map());
  const refuse = (reason: string) => bad(new Map(), { field: annotationField(DISKS_ANNOTATION), value: text, message: reason });
  const entries = text.split(/[;\n]/).filter((entry) => entry.trim() !== '');
  if (entries.length === 0 || entries.length > MAX_ENTRIES) return refuse(`has ${entries.length} entries; ${FORM}`);
  const read = entries.map(readEntry);
  const reason = read.flatMap((entry) => (entry.setting.ok ? [] : [entry.setting.reason]))[0];
  if (reason !== undefined) return refuse(reason);
  const tunings = new Map(read.map(({ name, setting }) => [name, setting.ok ? setting.value : {}]));
  return tunings.size === read.length ? good(tunings) : refuse('has two entries for one disk; write one');
}

function readEntry(entry: string): { name: string; setting: Setting } {
  const [, name = '', settings = ''] = /^\s*([a-z0-9-]+)\s*:([^:]*)$/.exec(entry) ?? [];
  if (name === '') return { name, setting: wrong(`cannot be read; ${FORM}`) };
  const setting = readSettings(settings);
  return { name, setting: setting.ok ? setting : wrong(`'${name}': ${setting.reason}`) };
}

function readSettings(text: string): Setting {
  const parts = text.split(',').map((part) => part.trim().split('='));
  const keys = parts.map(([key = '']) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) return wrong(`says '${shown(twice)}' twice`);
  const settings = parts.map(([key = '', value = '', ...rest]): Setting => {
    const read = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (read === undefined || rest.length > 0) return wrong(unknownKey(key));
    return read(value);
  });
  return settings.reduce((sum, one) => (sum.ok && one.ok ? said({ ...sum.value, ...one.value }) : sum.ok ? one : sum));
}

function unknownKey(key: string): string {
  const keys = Object.keys(KEYS);
  if (key === 'file') return 'files on file-system claims are not supported yet; use a block claim in volumeDevices';
  return `'${shown(key)}' is no setting of a disk${didYouMean(key, keys)}; allowed: ${keys.join(', ')}, each key=value`;
}

function shown(text: string): string {
  return text.slice(0, 40);
}
