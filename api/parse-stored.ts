import { Ajv, type ErrorObject } from 'ajv';
import { GUEST_LIMITS, GuestSpec } from './guest-spec.ts';
import { PAGE_BYTES } from './huge-pages.ts';
import { GUEST_ANNOTATION } from './names.ts';
import type { Pod } from './pod.ts';
import { annotationField } from './violation.ts';

export type StoredGuest = { readonly ok: true; readonly guest: GuestSpec } | { readonly ok: false; readonly reason: string };

/** A GuestSpec is a few hundred bytes; no more is read from an annotation a tenant may have written. */
const MAX_LENGTH = 16_384;
const NETWORKS_START = 'pod';

const matches = new Ajv({ strict: true, allErrors: false }).compile<GuestSpec>(GuestSpec);

/** Reads the GuestSpec admission stored on a pod. Total: never throws. `reason` says what is wrong with the annotation. */
export function readStoredGuest(pod: Pick<Pod, 'metadata'>): StoredGuest {
  const text = pod.metadata.annotations?.[GUEST_ANNOTATION];
  if (text === undefined) return refused('is missing: the pod did not pass Podvisor admission; delete it and create it again');
  return parseGuestText(text);
}

/** As {@link readStoredGuest}, for the annotation's text. */
export function parseGuestText(text: string): StoredGuest {
  if (text.length > MAX_LENGTH) return refused(`is longer than ${MAX_LENGTH} characters`);
  const parsed = parseJson(text);
  if (!parsed.ok) return refused('is not JSON');
  if (!matches(parsed.value)) return refused(schemaReason(matches.errors ?? []));
  const reason = inconsistency(parsed.value);
  return reason === '' ? { ok: true, guest: parsed.value } : refused(reason);
}

/** What the schema cannot say: relations between fields. '' = consistent. */
function inconsistency(guest: GuestSpec): string {
  return CONSISTENCY.map((check) => check(guest)).find((reason) => reason !== '') ?? '';
}

const CONSISTENCY: readonly ((guest: GuestSpec) => string)[] = [topologyReason, numaReason, networksReason, disksReason];

function topologyReason({ cpu: { topology }, vcpus }: GuestSpec): string {
  if (topology === undefined || topology.sockets * topology.cores * topology.threads === vcpus) return '';
  return `has cpu.topology of ${topology.sockets}×${topology.cores}×${topology.threads}, which is not vcpus=${vcpus}`;
}

function numaReason({ numa, hugepages, memoryBytes, vcpus }: GuestSpec): string {
  const { cells = 1 } = numa ?? {};
  const page = hugepages === undefined ? GUEST_LIMITS.memoryBytes.step : PAGE_BYTES[hugepages];
  if (vcpus % cells === 0 && memoryBytes % (page * cells) === 0) return '';
  return `has numa.cells or hugepages that do not divide memoryBytes=${memoryBytes} and vcpus=${vcpus}`;
}

function networksReason({ networks }: GuestSpec): string {
  if (networks[0]?.name !== NETWORKS_START) return `has networks[0] other than '${NETWORKS_START}'`;
  if (!unique(networks.map((network) => network.interface))) return 'names one interface for two networks';
  return unique(networks.flatMap(({ mac }) => mac ?? [])) ? '' : 'gives two networks one MAC address';
}

function disksReason({ disks }: GuestSpec): string {
  return unique(disks.map((disk) => disk.volume)) ? '' : 'names one volume for two disks';
}

function unique(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

function parseJson(text: string): { ok: true; value: unknown } | { ok: false } {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

function schemaReason(errors: readonly ErrorObject[]): string {
  const [error] = errors;
  if (error === undefined) return 'does not match the GuestSpec schema';
  const where = error.instancePath === '' ? '' : `${error.instancePath.slice(1).replaceAll('/', '.')} `;
  const extra: unknown = error.params['additionalProperty'];
  const which = typeof extra === 'string' ? `: ${JSON.stringify(extra.slice(0, 64))}` : '';
  return `does not match the GuestSpec schema: ${where}${error.message ?? 'is wrong'}${which}`;
}

function refused(reason: string): StoredGuest {
  return { ok: false, reason: `${annotationField(GUEST_ANNOTATION)} ${reason}` };
}
