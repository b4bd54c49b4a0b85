import { createShared } from '../placement/shared.ts';

/** By CSI driver whose node plugin runs on a node: how many volumes it attaches there at most; undefined = it names no limit. */
export type NodeDrivers = ReadonlyMap<string, number | undefined>;

/** A CSINode (storage.k8s.io/v1) as far as it is read. The kubelet writes it as node plugins register, and takes out those that leave. */
export interface CsiNodeObject {
  readonly spec?: {
    readonly drivers?: readonly { readonly name?: string; readonly allocatable?: { readonly count?: number } | null }[] | null;
  };
}

/** Makes a reader of CSINodes; most nodes have the same drivers, and one list in memory. */
export function createCsiNodeReader(): (node: CsiNodeObject) => NodeDrivers {
  const lists = createShared<NodeDrivers>();
  return ({ spec }) => {
    const drivers = (spec?.drivers ?? []).map(({ name = '', allocatable }) => [name, allocatable?.count] as const);
    return lists(JSON.stringify(drivers), () => new Map(drivers));
  };
}

/** On which nodes node plugins run. */
export interface CsiNodes {
  /** undefined = the node's CSINode is gone. */
  set(node: string, drivers: NodeDrivers | undefined): void;
  /** Whether the driver's node plugin runs on any node: else it may be no CSI driver, or nobody tells. */
  runs(driver: string): boolean;
  /** What runs on the node; a node without a CSINode has nothing. */
  on(node: string): NodeDrivers;
}

const NOTHING: NodeDrivers = new Map();

/** Knows no node yet. */
export function createCsiNodes(): CsiNodes {
  const nodes = new Map<string, NodeDrivers>();
  const counts = new Map<string, number>();
  const count = (drivers: NodeDrivers | undefined, by: 1 | -1): void => {
    for (const driver of drivers?.keys() ?? []) {
      const nodesWithIt = (counts.get(driver) ?? 0) + by;
      if (nodesWithIt === 0) counts.delete(driver);
      else counts.set(driver, nodesWithIt);
    }
  };
  return {
    set: (node, drivers) => {
      count(nodes.get(node), -1);
      count(drivers, 1);
      if (drivers === undefined) nodes.delete(node);
      else nodes.set(node, drivers);
    },
    runs: (driver) => counts.has(driver),
    on: (node) => nodes.get(node) ?? NOTHING,
  };
}
