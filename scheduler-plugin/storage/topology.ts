import { createShared } from '../placement/shared.ts';

/** A requirement on a node's label: an operator of NodeSelectorRequirement or LabelSelectorRequirement (core/v1, meta/v1). */
export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** Nodes that satisfy all requirements of any of the terms. */
export type Terms = readonly (readonly Requirement[])[];

/** A node's own name, as if it were a label: what `matchFields` of a node selector may ask. */
export const NAME_KEY = 'metadata.name';

/** Which nodes a driver's topology means. */
export interface Topology {
  /** Labels as `key=value`; undefined = the node is gone. */
  setNode(name: string, labels: readonly string[] | undefined): void;
  /** Of a label; undefined = the node does not have it. */
  value(node: string, key: string): string | undefined;
  /** Names of nodes. Remembered for each object `terms` until a node's labels change. */
  nodes(terms: Terms): ReadonlySet<string>;
  /** Grows with each change of labels. */
  version(): number;
}

/** Labels of what hardware can do (node-feature-discovery): many, and no driver places volumes by them. */
const HARDWARE = 'feature.node.kubernetes.io/';
/** Sets remembered; a set of 5,000 names is some hundred kB at worst, mostly they hold one name. */
const MAX_SETS = 1_000;

/** What to keep of a node's labels. */
export type LabelReader = (labels: Readonly<Record<string, string>>) => readonly string[];

/** Makes a {@link LabelReader}; most labels are the same on many nodes, and one string in memory. */
export function createLabelReader(): LabelReader {
  const known = createShared<string>();
  return (labels) =>
    Object.entries(labels).flatMap(([key, value]) => {
      const label = `${key}=${value}`;
      return key.startsWith(HARDWARE) ? [] : [known(label, () => label)];
    });
}

interface Books {
  readonly nodes: Map<string, readonly string[]>;
  readonly sets: Map<Terms, ReadonlySet<string>>;
  /** By key of a label, nodes by its value; made when first asked for after a change. */
  readonly byKey: Map<string, ReadonlyMap<string, readonly string[]>>;
}

/** Knows no node yet. */
export function createTopology(): Topology {
  const books: Books = { nodes: new Map(), sets: new Map(), byKey: new Map() };
  const { nodes, sets, byKey } = books;
  let version = 0;
  return {
    setNode: (name, labels) => {
      if (sameLabels(nodes.get(name), labels)) return;
      if (labels === undefined) nodes.delete(name);
      else nodes.set(name, labels);
      sets.clear();
      byKey.clear();
      version += 1;
    },
    value: (node, key) => labelOf(books, node, key),
    nodes: (terms) => {
      const before = sets.get(terms);
      if (before !== undefined) return before;
      const found = new Set(terms.flatMap((term) => nodesOf(books, term)));
      if (sets.size >= MAX_SETS) sets.clear();
      sets.set(terms, found);
      return found;
    },
    version: () => version,
  };
}

/** Most terms name values of one label: then only nodes that have one of them are looked at. */
function nodesOf(books: Books, term: readonly Requirement[]): readonly string[] {
  const first = term.find(({ operator }) => operator === 'In');
  const some =
    first === undefined ? [...books.nodes.keys()] : first.values.flatMap((value) => indexOf(books, first.key).get(value) ?? []);
  const others = term.filter((one) => one !== first);
  return some.filter((node) => others.every((one) => meets(one, labelOf(books, node, one.key))));
}

function indexOf(books: Books, key: string): ReadonlyMap<string, readonly string[]> {
  const known = books.byKey.get(key);
  if (known !== undefined) return known;
  const index = new Map<string, string[]>();
  for (const node of books.nodes.keys()) {
    const value = labelOf(books, node, key);
    if (value === undefined) continue;
    const same = index.get(value);
    if (same === undefined) index.set(value, [node]);
    else same.push(node);
  }
  books.byKey.set(key, index);
  return index;
}

function labelOf({ nodes }: Books, node: string, key: string): string | undefined {
  const labels = nodes.get(node);
  if (labels === undefined) return undefined;
  if (key === NAME_KEY) return node;
  const label = labels.find((one) => one.startsWith(key) && one[key.length] === '=');
  return label?.slice(key.length + 1);
}

function sameLabels(before: readonly string[] | undefined, after: readonly string[] | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return before.length === after.length && before.every((label, index) => label === after[index]);
}

type Operator = (value: string | undefined, values: readonly string[]) => boolean;

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['In', (value, values) => value !== undefined && values.includes(value)],
  ['NotIn', (value, values) => value === undefined || !values.includes(value)],
  ['Exists', (value) => value !== undefined],
  ['DoesNotExist', (value) => value === undefined],
  ['Gt', (value, [than]) => Number(value) > Number(than)],
  ['Lt', (value, [than]) => Number(value) < Number(than)],
]);

/** An operator of later matches nothing. */
function meets({ operator, values }: Requirement, value: string | undefined): boolean {
  return OPERATORS.get(operator)?.(value, values) ?? false;
}
