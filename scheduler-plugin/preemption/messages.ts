import { isRecord } from '../../runtime/record.ts';
import type { ExtenderPod } from '../protocol.ts';
import type { StandingPod } from './standing.ts';
import type { Victims } from './victims.ts';

/** ExtenderPreemptionArgs, decoded: whom the scheduler would evict, by node. */
export interface PreemptionRequest {
  readonly pod: ExtenderPod & StandingPod;
  readonly nodes: ReadonlyMap<string, Victims>;
}

/** ExtenderPreemptionResult. A node that is not in it is no candidate; an empty list of pods would end the whole attempt with an error. */
export interface PreemptionReply {
  readonly NodeNameToMetaVictims: Readonly<
    Record<string, { readonly Pods: readonly { readonly UID: string }[]; readonly NumPDBViolations: number }>
  >;
}

/** Nobody is evicted. */
export const NO_VICTIMS: PreemptionReply = { NodeNameToMetaVictims: {} };

/** Reads ExtenderPreemptionArgs: UIDs alone from a nodeCacheCapable scheduler, else whole pods. undefined when it cannot be understood. */
export function decodePreemption(body: unknown): PreemptionRequest | undefined {
  if (!isRecord(body) || !isRecord(body.Pod)) return undefined;
  const { Pod: pod, NodeNameToMetaVictims: uids, NodeNameToVictims: pods } = body;
  // Both are always sent, the unused one as null.
  const map = isRecord(uids) ? uids : pods;
  if (!isRecord(map)) return undefined;
  const nodes = new Map<string, Victims>();
  for (const [name, raw] of Object.entries(map)) {
    const victims = readVictims(raw);
    if (victims === undefined) return undefined;
    nodes.set(name, victims);
  }
  return { pod, nodes };
}

function readVictims(raw: unknown): Victims | undefined {
  if (raw === null) return { uids: [], violations: 0 };
  if (!isRecord(raw)) return undefined;
  const { Pods: pods, NumPDBViolations: violations } = raw;
  const list: readonly unknown[] = Array.isArray(pods) ? pods : [];
  const uids = list.map(uidOf);
  if (!uids.every((uid) => uid !== undefined)) return undefined;
  return { uids, violations: typeof violations === 'number' ? violations : 0 };
}

/** Of a MetaPod, or of a Pod. */
function uidOf(raw: unknown): string | undefined {
  if (!isRecord(raw)) return undefined;
  const uid = typeof raw.UID === 'string' ? raw.UID : isRecord(raw.metadata) ? raw.metadata.uid : undefined;
  return typeof uid === 'string' && uid !== '' ? uid : undefined;
}

/** The reply to a preempt request. */
export function preemptionReply(nodes: ReadonlyMap<string, Victims>): PreemptionReply {
  const entries = [...nodes].map(([name, { uids, violations }]) => {
    return [name, { Pods: uids.map((UID) => ({ UID })), NumPDBViolations: violations }] as const;
  });
  return { NodeNameToMetaVictims: Object.fromEntries(entries) };
}
