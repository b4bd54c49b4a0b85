import { keepNewest } from '../runtime/newest.ts';
import { type Judged, judgedNode, type World } from './filter.ts';
import type { Wanted } from './placement/wanted.ts';

/** What was found out about nodes, remembered: a request asks about thousands, and between two of them few have changed. */
export interface Judgements {
  /** {@link judgedNode} of each of these nodes, in order. */
  judged(names: readonly string[], guest: Wanted): readonly Judged[];
  /** Something is new about the node: its object, report, or who is on it. */
  changed(name: string): void;
  /** The node is no more. */
  gone(name: string): void;
}

/** The cluster, and where a pod's own claim may be. */
export interface Judging extends Omit<World, 'judged'> {
  /** The node on which the pod has a reservation, from an earlier try. */
  reservedOn(uid: string): string | undefined;
}

/** Shapes of VMs remembered; of 5,000 nodes each is about a MiB. The one asked for longest ago goes first. */
const MAX_SHAPES = 8;

/** By number of the node. */
type Column = (Judged | undefined)[];

/** Known nodes are numbered, and each shape of VM has a list by these numbers. */
export function createJudgements(world: Judging): Judgements {
  const numbers = createNumbers();
  const columns = new Map<string, Column>();
  const whole: World = { ...world, judged };

  /** A reservation of the pod itself is not in its way; what is remembered counts it, for others of its shape. */
  function withOwn(list: Judged[], guest: Wanted): readonly Judged[] {
    const node = world.reservedOn(guest.uid);
    const index = node === undefined ? -1 : list.findIndex(({ name }) => name === node);
    if (node === undefined || index < 0) return list;
    return list.with(index, judgedNode(node, world.node(node), guest, whole));
  }
  function judged(names: readonly string[], guest: Wanted): readonly Judged[] {
    const column = columnOf(columns, guest.shape);
    const anybody = { ...guest, uid: '' };
    const list = numbers.ofAll(names).map((number, index) => {
      const name = names[index] ?? '';
      if (number < 0) return judgedNode(name, undefined, anybody, whole);
      return (column[number] ??= judgedNode(name, world.node(name), anybody, whole));
    });
    return withOwn(list, guest);
  }
  const forget = (number: number | undefined): void => {
    if (number === undefined) return;
    for (const column of columns.values()) if (number < column.length) column[number] = undefined;
  };
  return {
    judged,
    changed: (name) => {
      if (numbers.of(name) === undefined && world.node(name) !== undefined) numbers.add(name);
      forget(numbers.of(name));
    },
    gone: (name) => {
      forget(numbers.of(name));
      numbers.remove(name);
    },
  };
}

function columnOf(columns: Map<string, Column>, shape: string): Column {
  const column = columns.get(shape) ?? [];
  keepNewest(columns, shape, column, MAX_SHAPES);
  return column;
}

/** Small whole numbers for names. */
interface Numbers {
  of(name: string): number | undefined;
  /** Of each name its number, -1 = it has none. Not looked up again when it is the list asked for last, as prioritize after filter does (bodies.ts). */
  ofAll(names: readonly string[]): readonly number[];
  add(name: string): void;
  remove(name: string): void;
}

function createNumbers(): Numbers {
  const numbers = new Map<string, number>();
  const free: number[] = [];
  const runs = createRuns();
  let last: { readonly names: readonly string[]; readonly numbers: readonly number[] } | undefined;
  const lookUp = (name: string): number => numbers.get(name) ?? NONE;
  return {
    of: (name) => numbers.get(name),
    ofAll: (names) => {
      if (last?.names === names) return last.numbers;
      const found = runs.numbersOf(names, lookUp);
      // Of a list longer than the nodes there are nothing is kept: no scheduler sends it.
      last = names.length > numbers.size ? undefined : { names, numbers: found };
      return found;
    },
    add: (name) => {
      numbers.set(name, free.pop() ?? numbers.size);
      last = undefined;
    },
    remove: (name) => {
      const number = numbers.get(name);
      if (number === undefined) return;
      numbers.delete(name);
      runs.forget(number);
      free.push(number);
      last = undefined;
    },
  };
}

/** The number of a name that is not known. */
const NONE = -1;

/** Remembers which name came after which: names come in runs, and to see that it is the expected one again is a fraction of looking it up. */
interface Runs {
  numbersOf(names: readonly string[], lookUp: (name: string) => number): readonly number[];
  forget(number: number): void;
}

function createRuns(): Runs {
  /** By number, as it was last given: the same string then, most often. */
  const names: (string | undefined)[] = [];
  /** By number, that of the name which came after it. */
  const next: number[] = [];
  const numberOf = (name: string, expected: number, lookUp: (name: string) => number): number => {
    if (expected >= 0 && names[expected] === name) return expected;
    const number = lookUp(name);
    if (number >= 0) names[number] = name;
    return number;
  };
  return {
    numbersOf: (list, lookUp) => {
      let before = NONE;
      return list.map((name) => {
        const number = numberOf(name, next[before] ?? NONE, lookUp);
        if (before >= 0) next[before] = number;
        before = number;
        return number;
      });
    },
    forget: (number) => (names[number] = undefined),
  };
}
