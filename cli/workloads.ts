import type { Pod } from '../api/pod.ts';
import { isRecord } from '../runtime/record.ts';

/** A Kubernetes object as it stands in a file. */
export interface ManifestObject {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly metadata?: unknown;
  readonly [field: string]: unknown;
}

/** Path to the pod template by kind (Kubernetes API reference, "Workload Resources"); a Pod is its own. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  PodTemplate: ['template'],
  Deployment: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

/** A pod out of a manifest, or why there is none. */
export type FoundPod =
  | { readonly type: 'pod'; readonly pod: Pod }
  | { readonly type: 'none' }
  | { readonly type: 'broken'; readonly field: string; readonly reason: string };

/**
 * The pod that an object is or makes. A template's pod is named after its owner with `-0`, as the first pod of a StatefulSet is; those of
 * other owners get a random ending, so what derives from the name (MAC addresses) is an example.
 */
export function podOf(object: ManifestObject): FoundPod {
  const path = typeof object.kind === 'string' && Object.hasOwn(TEMPLATES, object.kind) ? TEMPLATES[object.kind] : undefined;
  if (path === undefined) return { type: 'none' };
  const template = path.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), object);
  const wrong = checkTemplate(template);
  if (wrong !== undefined)
    return { type: 'broken', field: [...path, wrong.field].filter(Boolean).join('.'), reason: wrong.reason };
  const { metadata: own, spec } = template as { metadata?: Record<string, unknown>; spec: Record<string, unknown> };
  const owner = isRecord(object.metadata) ? object.metadata : {};
  const name = `${textOf(owner['name'])}${path.length === 0 ? '' : '-0'}`;
  const metadata = { ...own, name, namespace: textOf(owner['namespace']) || 'default' };
  return { type: 'pod', pod: { apiVersion: 'v1', kind: 'Pod', metadata, spec } as unknown as Pod };
}

/** What the API server would refuse and the rest of the code relies on; `field` below the template. */
function checkTemplate(template: unknown): { field: string; reason: string } | undefined {
  if (!isRecord(template)) return { field: '', reason: 'is missing' };
  const { spec, metadata = {} } = template;
  if (!isRecord(spec)) return { field: 'spec', reason: 'is missing' };
  if (!Array.isArray(spec['containers']) || !spec['containers'].every(isRecord))
    return { field: 'spec.containers', reason: 'must be a list of containers' };
  if (!isRecord(metadata)) return { field: 'metadata', reason: 'must be a map' };
  const unreadable = ['labels', 'annotations'].find((key) => !isTextMap(metadata[key] ?? {}));
  if (unreadable === undefined) return undefined;
  return { field: `metadata.${unreadable}`, reason: 'must be texts by name; put numbers and true/false in quotes' };
}

/** `Deployment web`, for messages. */
export function titleOf({ kind, metadata }: ManifestObject): string {
  const name = isRecord(metadata) ? textOf(metadata['name']) || textOf(metadata['generateName']) : '';
  return `${textOf(kind) || 'object'} ${name || '(no name)'}`;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const isTextMap = (value: unknown): boolean => isRecord(value) && Object.values(value).every((one) => typeof one === 'string');
