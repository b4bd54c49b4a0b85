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
  readonly spec?: {
    /** Set by admission from the PriorityClass; 0 without. */
    readonly priority?: number;
    readonly preemptionPolicy?: string;
    readonly volumes?: readonly PodVolume[];
  };
}

/** A volume of a pod, by what it is made from. */
export interface PodVolume {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly ephemeral?: object;
}

/** A node as far as this room looks at it. */
export interface NodeObject {
  readonly metadata?: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status?: {
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly images?: readonly { readonly names?: readonly string[] | null }[];
  };
}

/** ExtenderArgs, decoded. */
export interface ExtenderRequest {
  readonly pod: ExtenderPod;
  /** Nodes asked about. */
  readonly names: readonly string[];
  /**
   * The same nodes, whole, from a scheduler that is not `nodeCacheCapable`. Its reply must hold them whole, too: the scheduler's own plugins score what
   * the reply holds (pkg/scheduler/extender.go, Filter, and schedule_one.go, prioritizeNodes, of 1.35.0 and 1.36.3).
   */
  readonly objects?: readonly NodeObject[];
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
  readonly name: string;
  readonly reason: string;
  /** Evicting pods of a lower priority could make it pass. */
  readonly isCurable?: boolean;
}

export type Decoded = { readonly ok: true; readonly request: ExtenderRequest } | { readonly ok: false; readonly reason: string };

const WHOSE = 'Podvisor scheduler extender: ';

/** Reads ExtenderArgs. Never throws; the reason names what was missing. Lists that `areNames` are not looked through for anything else: they are long. */
export function decodeRequest(body: unknown, areNames: (list: readonly unknown[]) => boolean = () => false): Decoded {
  if (!isRecord(body)) return refused('the request is not a JSON object');
  const { Pod: pod, Nodes: nodes, NodeNames: names } = body;
  if (!isRecord(pod)) return refused('the request has no Pod');
  // Both lists are always sent, the unused one as null.
  if (Array.isArray(names)) return fromNames(pod, names, areNames);
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

function fromNames(pod: ExtenderPod, list: readonly unknown[], areNames: (list: readonly unknown[]) => boolean): Decoded {
  const isWhole = areNames(list) || list.every((name) => typeof name === 'string');
  if (!isWhole) return refused('NodeNames holds something that is not a string');
  return { ok: true, request: { pod, names: list as readonly string[] } };
}

function fromObjects(pod: ExtenderPod, objects: readonly unknown[]): Decoded {
  const names: string[] = [];
  for (const object of objects) {
    const name = nodeName(object);
    if (name === undefined) return refused('Nodes holds an item without a name');
    names.push(name);
  }
  return { ok: true, request: { pod, names, objects: objects as readonly NodeObject[] } };
}

/**
 * The reply to a filter request. Preemption may look at `FailedNodes` only, so just what an eviction could cure goes there: it would otherwise
 * kill pods for nothing.
 */
export function filterReply({ names, objects }: ExtenderRequest, verdicts: readonly Verdict[]): FilterReply {
  // Without a prototype, so that any name is a plain key.
  const failed = Object.create(null) as Record<string, string>;
  const curable = Object.create(null) as Record<string, string>;
  let passed = 0;
  verdicts.forEach(({ name, reason, isCurable }) => {
    if (reason === '') passed += 1;
    else (isCurable === true ? curable : failed)[name] = reason;
  });
  const those = <T>(list: readonly T[]): readonly T[] =>
    passed === list.length ? list : list.filter((_, index) => verdicts[index]?.reason === '');
  return {
    NodeNames: objects === undefined ? those(names) : null,
    Nodes: objects === undefined ? null : { items: those(objects) },
    FailedNodes: curable,
    FailedAndUnresolvableNodes: failed,
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
