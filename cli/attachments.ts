import { attachmentOf, type Attachments } from '../api/attachments.ts';
import { wantedAttachments } from '../api/parse-networks.ts';
import type { Pod } from '../api/pod.ts';
import { isRecord } from '../runtime/record.ts';
import type { ManifestObject } from './workloads.ts';

/** The NetworkAttachmentDefinitions among the objects of the manifests. */
export function attachmentsIn(objects: readonly ManifestObject[]): Attachments {
  const found = objects.filter(({ kind }) => kind === 'NetworkAttachmentDefinition');
  return Object.fromEntries(found.map((object) => [keyOf(object), attachmentOf(object)]));
}

function keyOf({ metadata }: ManifestObject): string {
  const { namespace = 'default', name = '' } = isRecord(metadata) ? metadata : {};
  return `${String(namespace)}/${String(name)}`;
}

/** What the pod names: as the manifests say, and assumed where they do not, because it may be in the cluster. */
export function seenOrAssumed(pod: Pod, namespace: string, seen: Attachments): Attachments {
  const keys = wantedAttachments(pod, { namespace });
  return Object.fromEntries(keys.map((key) => [key, seen[key] ?? { types: [], assumed: true }]));
}
