import type { GuestSpec } from '../../api/guest-spec.ts';
import type { Pod } from '../../api/pod.ts';
import { parseGuestText } from '../../api/parse-stored.ts';
import { GUEST_ANNOTATION } from '../../api/names.ts';
import type { UsedVm } from '../../policy/types.ts';
import { unpacked, type PackedText, type Packer } from './packed-text.ts';

/** What is kept of a VM pod to judge it by policies, at any time again. */
export interface StoredVm {
  readonly namespace: string;
  /** What it takes from its namespace's limits. */
  readonly used: UsedVm;
  /** The pod without status, as JSON: 2 KB and more each, and mostly what all of them say. */
  readonly text: PackedText;
}

/** As a policy saw it at admission: no status. */
export function storedVm(pod: Pod, { vcpus, memoryBytes }: GuestSpec, pack: Packer): StoredVm {
  const { metadata, ...rest } = without(pod, 'status');
  const text = JSON.stringify({ ...rest, metadata: without(metadata as object, 'resourceVersion') });
  const used = { labels: pod.metadata.labels ?? {}, vcpus, memoryBytes };
  return { namespace: pod.metadata.namespace ?? '', used, text: pack(text) };
}

function without(object: object, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
}

/** Pod and guest again; undefined only for a text that was not ours. */
export function readStoredVm({ text }: StoredVm): { readonly pod: Pod; readonly guest: GuestSpec } | undefined {
  const pod = JSON.parse(unpacked(text)) as Pod;
  const stored = parseGuestText(pod.metadata.annotations?.[GUEST_ANNOTATION] ?? '');
  return stored.ok ? { pod, guest: stored.guest } : undefined;
}
