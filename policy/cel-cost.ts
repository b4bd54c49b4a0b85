import { type CelNode, nameOf, partsOf } from './cel-tree.ts';
import { type Extent, together } from './cel-values.ts';

/**
 * An upper bound of the work a rule can make, from its structure and the extent of what it looks at. CEL has no loops but the macros over
 * lists (all, exists, map…), so walking the tree once and multiplying by the largest list at each of them is a bound; sizes of values that
 * the rule itself makes (texts and lists joined with `+`, `split`, `map`) are bounded in the same walk, else a rule could double a text a
 * hundred times. One step is about 10 ns.
 */
export function costOf(tree: CelNode, context: Extent): number {
  return walk(tree, { context, variables: new Map() }).cost;
}

interface Scope {
  readonly context: Extent;
  readonly variables: ReadonlyMap<string, Extent>;
}

/** Bound of a part's result and of the work for it. */
interface Bound {
  readonly extent: Extent;
  readonly cost: number;
}

const SMALL: Extent = { items: 0, text: 0, size: 1 };
/** Characters or values a native operation handles in a step. */
const PER_STEP = 16;
const MACROS = ['all', 'exists', 'exists_one', 'map', 'filter'];
/** Operators and functions whose result is a flag or a number. */
const SCALAR = new Set(
  '== != < <= > >= in && || !_ -_ - * / % startsWith endsWith contains glob indexOf lastIndexOf size int uint double bool has'.split(
    ' ',
  ),
);

function walk(node: CelNode, scope: Scope): Bound {
  if (node.op === 'value') return { extent: literal(node.args), cost: 1 };
  if (node.op === 'id') return { extent: scope.variables.get(String(node.args)) ?? scope.context, cost: 1 };
  const name = nameOf(node);
  const parts = partsOf(node);
  if (node.op === 'rcall' && MACROS.includes(name)) return comprehension(name, parts, scope);
  if (node.op === 'rcall' && name === 'bind') return bind(parts, scope);
  return operation(name, parts.map((part) => walk(part, scope))); // prettier-ignore
}

function literal(value: unknown): Extent {
  const length = typeof value === 'string' || value instanceof Uint8Array ? value.length : 0;
  return { items: 0, text: length, size: length + 1 };
}

/** `list.all(x, body)`: the body as often as the list is long. */
function comprehension(name: string, [list, variable, ...bodies]: readonly CelNode[], scope: Scope): Bound {
  if (list === undefined || variable === undefined) return { extent: SMALL, cost: 1 };
  const over = walk(list, scope);
  const times = Math.max(over.extent.items, 1);
  // All elements together are no larger than the list: work that grows with their size is counted once for the list, not once for each.
  const element = { ...over.extent, size: Math.ceil(over.extent.size / times) };
  const inner = { ...scope, variables: new Map(scope.variables).set(String(variable.args), element) };
  const body = bodies.map((one) => walk(one, inner)).reduce(both, { extent: SMALL, cost: 1 });
  const mapped = { items: Math.max(times, body.extent.items), text: body.extent.text, size: times * body.extent.size };
  const results: Readonly<Record<string, Extent>> = { map: mapped, filter: over.extent };
  return { extent: results[name] ?? SMALL, cost: over.cost + times * body.cost };
}

/** `cel.bind(x, value, body)`. */
function bind([, variable, value, body]: readonly CelNode[], scope: Scope): Bound {
  if (variable === undefined || value === undefined || body === undefined) return { extent: SMALL, cost: 1 };
  const bound = walk(value, scope);
  const inner = walk(body, { ...scope, variables: new Map(scope.variables).set(String(variable.args), bound.extent) });
  return { extent: inner.extent, cost: bound.cost + inner.cost };
}

function operation(name: string, parts: readonly Bound[]): Bound {
  const all = parts.reduce(both, { extent: SMALL, cost: 1 });
  return { extent: SCALAR.has(name) ? SMALL : resultOf(name, parts, all.extent), cost: all.cost + workOf(name, parts) };
}

function both(a: Bound, b: Bound): Bound {
  return { extent: together(a.extent, b.extent), cost: a.cost + b.cost };
}

const ACCESS = [
  '.',
  '.?',
  '[]',
  '[?]',
  'value',
  '?:',
  'or',
  'orValue',
  'dyn',
  'of',
  'trim',
  'lowerAscii',
  'upperAscii',
  'substring',
];

function resultOf(name: string, parts: readonly Bound[], all: Extent): Extent {
  if (ACCESS.includes(name)) return all;
  const sum = (of: (extent: Extent) => number) => parts.reduce((total, { extent }) => total + of(extent), 0);
  if (name === '+') return { items: sum(({ items }) => items), text: sum(({ text }) => text), size: all.size };
  if (name === 'list' || name === 'map')
    return { ...all, items: Math.max(all.items, parts.length), size: all.size + parts.length };
  if (name === 'join') {
    const joined = all.size * (1 + (parts[1]?.extent.text ?? 0));
    return { items: 0, text: joined, size: joined };
  }
  // Everything else (split, string, bytes, json…) at most doubles what it is given, and may cut a text into a list.
  const size = 2 * all.size + 64;
  return { items: size, text: size, size };
}

type Work = (a: Extent, b: Extent) => number;

const constant: Work = () => 1;
const equality: Work = (a, b) => 1 + Math.min(a.size, b.size) / PER_STEP;
const prefix: Work = (a, b) => 1 + Math.min(a.text, b.text) / PER_STEP;
const search: Work = (a, b) => 1 + (a.text * Math.min(b.text, 32)) / PER_STEP;
const reads: Work = (a, b) => 1 + (a.size + b.size) / PER_STEP;

/** Work of an operation itself, its parts aside, by its name. */
const WORK: Readonly<Record<string, Work>> = {
  ...named('. .? [] [?] value ?: && || !_ has size', constant),
  ...named('== !=', equality),
  ...named('< <= > >= startsWith endsWith', prefix),
  ...named('contains indexOf lastIndexOf', search),
  in: (a, b) => 1 + b.items * equality(a, b),
  glob: (a, b) => 1 + (a.text * b.text) / PER_STEP,
};

function named(names: string, work: Work): Readonly<Record<string, Work>> {
  return Object.fromEntries(names.split(' ').map((name) => [name, work]));
}

function workOf(name: string, parts: readonly Bound[]): number {
  const [a = SMALL, b = SMALL] = parts.map(({ extent }) => extent);
  const work = Object.hasOwn(WORK, name) ? WORK[name] : undefined;
  return (work ?? reads)(a, b);
}
