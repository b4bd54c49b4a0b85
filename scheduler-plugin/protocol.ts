import { isRecord } from '../runtime/record.ts';

/**
 * The wire format of kube-scheduler's HTTP extenders (k8s.io/kube-scheduler/extender/v1/types.go). The Go types carry no
 * JSON tags, so the outer names are Go's exported ones (`Pod`, `NodeNames`), while the objects inside use normal API casing.
 */

/** A pod as far as this room looks at it; everything else passes by unread. */
export interface ExtenderPod {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid?: string; readonly controller?: boolean }[];
  };
  /** Set by admission from the PriorityClass; 0 without. */
  readonly spec?: { readonly priority?: number; readonly preemptionPolicy?: string };
}

/** A node as far as this room looks at it. */
export interface NodeObject {
  readonly metadata?: { readonly name?: string };
  readonly status?: {
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly images?: readonly { readonly names?: readonly string[] | null }[];
  };
}

/** One node the scheduler asks about; `object` only when the scheduler is not `nodeCacheCapable`. */
export interface Candidate {
  readonly name: string;
  readonly object?: NodeObject;
}

/** ExtenderArgs, decoded. `form` says which of the two node lists came, and so which one the reply must use. */
export interface ExtenderRequest {
  readonly pod: ExtenderPod;
  readonly form: 'names' | 'objects';
  readonly candidates: readonly Candidate[];
}

/** ExtenderBindingArgs: what the scheduler asks to be bound. */
export interface BindRequest {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly node: string;
}

/** ExtenderFilterResult. A node in no list would count as unresolvable without a reason, so each one is in exactly one. */
export interface FilterReply {
  readonly NodeNames: readonly string[] | null;
  readonly Nodes: { readonly items: readonly NodeObject[] } | null;
  readonly FailedNodes: Readonly<Record<string, string>>;
  readonly FailedAndUnresolvableNodes: Readonly<Record<string, string>>;
  readonly Error: string;
}

/** One entry of HostPriorityList. */
export interface HostPriority {
  readonly Host: string;
  /** Integer 0..10 (MinExtenderPriority, MaxExtenderPriority); a fraction fails Go's decoding and drops the whole reply silently. */
  readonly Score: number;
}

/** Why one node was taken or not; `reason` is '' when it was. */
export interface Verdict {
  readonly candidate: Candidate;
  readonly reason: string;
}

export type Decoded = { readonly ok: true; readonly request: ExtenderRequest } | { readonly ok: false; readonly reason: string };

const WHOSE = 'Podvisor scheduler extender: ';

/** Reads ExtenderArgs. Never throws; the reason names what was missing. */
export function decodeRequest(body: unknown): Decoded {
  if (!isRecord(body)) return refused('the request is not a JSON object');
  const { Pod: pod, Nodes: nodes, NodeNames: names } = body;
  if (!isRecord(pod)) return refused('the request has no Pod');
  // Both lists are always sent, the unused one as null.
  if (Array.isArray(names)) return fromNames(pod, names);
  if (isRecord(nodes) && Array.isArray(nodes.items)) return fromObjects(pod, nodes.items);
  return refused('the request has neither NodeNames nor Nodes');
}

/** Reads ExtenderBindingArgs; undefined when a part is missing. */
export function decodeBinding(body: unknown): BindRequest | undefined {
  if (!isRecord(body)) return undefined;
  const { PodName: name, PodNamespace: namespace, PodUID: uid, Node: node } = body;
  const parts = { name, namespace, uid, node };
  const isWhole = Object.values(parts).every((part) => typeof part === 'string' && part !== '');
  return isWhole ? (parts as unknown as BindRequest) : undefined;
}

/** ExtenderBindingResult; '' = bound. With a reason the scheduler takes the pod back and tries again after its back-off. */
export function bindingReply(reason: string): { readonly Error: string } {
  return { Error: reason === '' ? '' : WHOSE + reason };
}

function fromNames(pod: ExtenderPod, names: readonly unknown[]): Decoded {
  const candidates: Candidate[] = [];
  for (const name of names) {
    if (typeof name !== 'string') return refused('NodeNames holds something that is not a string');
    candidates.push({ name });
  }
  return { ok: true, request: { pod, form: 'names', candidates } };
}

function fromObjects(pod: ExtenderPod, items: readonly unknown[]): Decoded {
  const candidates: Candidate[] = [];
  for (const item of items) {
    const name = nodeName(item);
    if (name === undefined) return refused('Nodes holds an item without a name');
    candidates.push({ name, object: item as NodeObject });
  }
  return { ok: true, request: { pod, form: 'objects', candidates } };
}

/**
 * The reply to a filter request. Reasons go to `FailedAndUnresolvableNodes`: evicting another pod changes none of today's
 * reasons, and preemption would otherwise kill pods for nothing.
 */
export function filterReply(form: ExtenderRequest['form'], verdicts: readonly Verdict[]): FilterReply {
  const passed = verdicts.filter((verdict) => verdict.reason === '').map((verdict) => verdict.candidate);
  const failed = verdicts.filter((verdict) => verdict.reason !== '');
  return {
    NodeNames: form === 'names' ? passed.map((candidate) => candidate.name) : null,
    Nodes: form === 'objects' ? { items: passed.map((candidate) => candidate.object ?? {}) } : null,
    FailedNodes: {},
    FailedAndUnresolvableNodes: Object.fromEntries(failed.map(({ candidate, reason }) => [candidate.name, reason])),
    Error: '',
  };
}

/** The reply that fails this scheduling attempt; the scheduler tries again after its back-off and shows the text to the user. */
export function errorReply(reason: string): FilterReply {
  return { NodeNames: null, Nodes: null, FailedNodes: {}, FailedAndUnresolvableNodes: {}, Error: WHOSE + reason };
}

function refused(reason: string): Decoded {
  return { ok: false, reason };
}

function nodeName(item: unknown): string | undefined {
  if (!isRecord(item) || !isRecord(item.metadata)) return undefined;
  return typeof item.metadata.name === 'string' ? item.metadata.name : undefined;
}
