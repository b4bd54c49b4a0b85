import { isRecord } from '../api/record.ts';
import { type CelNode, partsOf } from './cel-tree.ts';
import { add, type CelValue, grow, type Growing } from './cel-values.ts';

/** What an expression looks at: of its variables, of a map. No parts = all that is there. Made once, followed for every pod. */
export interface Look {
  /** Where, unique among all expressions. */
  readonly path: string;
  readonly parts: readonly Part[];
}

interface Part {
  readonly key: string;
  readonly look: Look;
}

/**
 * What an expression looks at: of `pod.spec.containers.size()` the list and nothing else of the pod. A pod has hundreds of values and a rule
 * reads a few of them, so this is what is made visible to it, and what bounds its work.
 */
export function looksAt(tree: CelNode): Look {
  return look('', pathsIn(tree));
}

/** Names from a variable down, for every use of one; of anything but plain field access, all of what it is applied to. */
function pathsIn(node: CelNode): readonly (readonly string[])[] {
  const path = pathOf(node);
  return path === undefined ? partsOf(node).flatMap(pathsIn) : [path];
}

function pathOf({ op, args }: CelNode): readonly string[] | undefined {
  if (op === 'id') return [String(args)];
  if (op !== '.') return undefined;
  const [object, field] = args as readonly [CelNode, string];
  const before = pathOf(object);
  return before === undefined ? undefined : [...before, field];
}

function look(path: string, below: readonly (readonly string[])[]): Look {
  if (below.some((one) => one.length === 0)) return { path, parts: [] };
  const heads = [...new Set(below.map(([head = '']) => head))];
  const under = (head: string) => below.filter(([first]) => first === head).map(([, ...rest]) => rest);
  // No field's name has a newline.
  return { path, parts: heads.map((key) => ({ key, look: look(`${path}\n${key}`, under(key)) })) };
}

/** Converts all of a value; told its path, so that it can remember. */
type Whole = (path: string, json: unknown) => CelValue;

/** The part of a JSON value that is looked at, by `whole` where all of it is. What is absent stays absent. */
export function visible(json: unknown, at: Look, whole: Whole): CelValue {
  const extent = { items: 0, text: 0, size: 0 };
  return { value: part(json, at, whole, extent), extent };
}

/** By index and without helpers: this runs for every rule of every policy, and iterators would be most of what a decision allocates. */
function part(json: unknown, { path, parts }: Look, whole: Whole, extent: Growing): unknown {
  if (parts.length === 0 || !isRecord(json)) {
    const seen = whole(path, json);
    add(extent, seen.extent);
    return seen.value;
  }
  const made: Record<string, unknown> = {};
  for (let index = 0; index < parts.length; index += 1) {
    const { key, look } = parts[index] ?? NOWHERE;
    const value = Object.hasOwn(json, key) ? json[key] : undefined;
    if (value === undefined) continue;
    grow(extent, parts.length, key.length);
    define(made, key, part(value, look, whole, extent));
  }
  return made;
}

const NOWHERE: Part = { key: '', look: { path: '', parts: [] } };

/** An assignment to `__proto__` would be no key. */
function define(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(map, key, { value, enumerable: true });
  else map[key] = value;
}
