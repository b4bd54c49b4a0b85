import type { Dimension, Wish } from './placement.ts';

/**
 * What the scheduler extender answers to `GET /explain/NAMESPACE/POD`: the last decision for a VM pod. Plain data, bounded: reasons, nodes and
 * scores are the first of possibly thousands, and counts tell how many there were.
 */
export interface Explanation {
  /** `namespace/name`. */
  readonly pod: string;
  readonly uid: string;
  /** When it was decided, RFC 3339. */
  readonly at: string;
  /** What the VM asked for; missing when its pod could not be read as a VM. */
  readonly needs?: ExplainedNeeds;
  /** Nodes that would do. */
  readonly passed: number;
  readonly refused: readonly RefusedNodes[];
  /** The best of those that would do; empty when the scheduler did not ask for scores, as when one node was left. */
  readonly scores: readonly NodeTotal[];
  /** The last binding asked for; an empty reason = it was bound. */
  readonly bind?: { readonly node: string; readonly reason: string };
  /** Facts of the nodes named above, as they are when asked, which may be later than the decision. */
  readonly nodes: readonly ExplainedNode[];
  /** Why names and facts of nodes are left out; missing = they are not. */
  readonly hidden?: string;
}

/** Nodes refused for one reason. */
export interface RefusedNodes {
  readonly reason: string;
  readonly count: number;
  /** The first of them. */
  readonly nodes: readonly string[];
}

/** A node's score, 0 to 10, and its dimensions as far as they told nodes apart. */
export interface NodeTotal {
  readonly name: string;
  readonly total: number;
  readonly parts: Readonly<Partial<Record<Dimension, number>>>;
}

/** Amounts of plain memory are bytes, of huge pages pages. */
export interface ExplainedNeeds {
  readonly accelerator: string;
  readonly memory: 'plain' | '2Mi' | '1Gi';
  readonly amount: number;
  /** NUMA nodes of the guest. */
  readonly cells: number;
  /** CPUs for it alone; 0 = it shares. */
  readonly cpus: number;
  readonly functions: readonly { readonly resource: string; readonly network?: string }[];
  readonly wishes: Readonly<Partial<Record<Dimension, Wish>>>;
}

/** What the extender knows of a node, less what other VMs hold or have reserved. */
export interface ExplainedNode {
  readonly name: string;
  /** Why the VM could not go there now; '' = it could. */
  readonly reason: string;
  /** Where its zones and functions are known from; '' = from nowhere. */
  readonly source: string;
  readonly zones: readonly ExplainedZone[];
  readonly functions: readonly ExplainedFunction[];
  readonly vms: number;
  /** Whether its kubelet lists the boot image. */
  readonly image: boolean;
}

/** What is free in a zone: bytes, pages, CPUs. */
export interface ExplainedZone {
  readonly id: number;
  readonly cpus: number;
  readonly memory: { readonly plain: number; readonly '2Mi': number; readonly '1Gi': number };
}

/** A physical function and its free VFs. */
export interface ExplainedFunction {
  readonly address: string;
  readonly zone?: number;
  readonly resource?: string;
  readonly network?: string;
  readonly linkUp: boolean;
  readonly vfs: number;
}
