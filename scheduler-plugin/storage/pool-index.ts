import { emptyPool, type Pool } from './pool.ts';
import { NAME_KEY, type Requirement, type Topology } from './topology.ts';

/** Which pools a node's volumes of a group of classes come from. */
export interface PoolIndex {
  /** The pool of a group that these nodes share, made when it is new. */
  pool(group: string, nodes: readonly Requirement[]): Pool;
  /** Nothing tells of it any more. */
  drop(group: string, nodes: readonly Requirement[]): void;
  /** Pools of the group that the node can use. */
  at(group: string, node: string): readonly Pool[];
  /** Grows when a pool comes or goes, or a node's labels change: what was found at nodes may be found elsewhere now. */
  version(): number;
}

interface Entry {
  readonly pool: Pool;
  readonly nodes: readonly Requirement[];
}
interface Group {
  readonly entries: Map<string, Entry>;
  /** Made when first asked for after a change. */
  finder: Finder | undefined;
}
interface Finder {
  /** Pools of nodes with certain values of certain labels, by those labels, then by the values. */
  readonly byLabels: Map<string, { readonly keys: readonly string[]; readonly pools: Map<string, Pool> }>;
  /** All others, which have to be tried. */
  readonly others: { readonly pool: Pool; readonly terms: readonly (readonly Requirement[])[] }[];
  readonly found: Map<string, readonly Pool[]>;
  /** Of the topology. */
  readonly version: number;
}

const NONE: readonly Pool[] = [];

/** No pool yet. */
export function createPoolIndex(topology: Topology): PoolIndex {
  const groups = new Map<string, Group>();
  let changes = 0;
  const change = (group: Group): void => {
    group.finder = undefined;
    changes += 1;
  };
  return {
    pool: (name, nodes) => {
      const group = groups.get(name) ?? { entries: new Map<string, Entry>(), finder: undefined };
      groups.set(name, group);
      const key = JSON.stringify(nodes);
      const known = group.entries.get(key);
      if (known !== undefined) return known.pool;
      const pool = emptyPool(nodes.some((one) => one.key === NAME_KEY));
      group.entries.set(key, { pool, nodes });
      change(group);
      return pool;
    },
    drop: (name, nodes) => {
      const group = groups.get(name);
      if (group?.entries.delete(JSON.stringify(nodes)) === true) change(group);
    },
    at: (name, node) => {
      const group = groups.get(name);
      if (group === undefined) return NONE;
      if (group.finder?.version !== topology.version()) group.finder = finderOf(group, topology.version());
      const known = group.finder.found.get(node);
      if (known !== undefined) return known;
      const pools = search(group.finder, node, topology);
      group.finder.found.set(node, pools);
      return pools;
    },
    version: () => changes + topology.version(),
  };
}

function finderOf({ entries }: Group, version: number): Finder {
  const finder: Finder = { byLabels: new Map(), others: [], found: new Map(), version };
  for (const { pool, nodes } of entries.values()) {
    if (nodes.some(({ operator, values }) => operator !== 'In' || values.length !== 1)) finder.others.push({ pool, terms: [nodes] });
    else enter(finder, pool, nodes);
  }
  return finder;
} // prettier-ignore

function enter({ byLabels }: Finder, pool: Pool, nodes: readonly Requirement[]): void {
  const sorted = [...nodes].sort((a, b) => (a.key < b.key ? -1 : 1));
  const keys = sorted.map(({ key }) => key);
  const id = JSON.stringify(keys);
  const same = byLabels.get(id) ?? { keys, pools: new Map<string, Pool>() };
  byLabels.set(id, same);
  same.pools.set(valuesKey(sorted.map(({ values }) => values[0])), pool);
}

function search({ byLabels, others }: Finder, node: string, topology: Topology): readonly Pool[] {
  const found = Array.from(byLabels.values()).flatMap(({ keys, pools }) => {
    const pool = pools.get(valuesKey(keys.map((key) => topology.value(node, key))));
    return pool === undefined ? [] : [pool];
  });
  const tried = others.flatMap(({ pool, terms }) => (topology.nodes(terms).has(node) ? [pool] : []));
  return found.length + tried.length === 0 ? NONE : [...found, ...tried];
}

function valuesKey(values: readonly (string | undefined)[]): string {
  return values.length === 1 && values[0] !== undefined ? values[0] : JSON.stringify(values);
}
