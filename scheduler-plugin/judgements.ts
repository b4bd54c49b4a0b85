import { keepNewest } from '../runtime/newest.ts';
import { type Judged, judgedNode, type World } from './filter.ts';
import { NONE } from './name-table.ts';
import type { NodeNames } from './node-names.ts';
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

/** Each shape of VM has a list by the numbers of nodes; those that `world` knows are made known by name. */
export function createJudgements(world: Judging, numbers: NodeNames): Judgements {
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
    const all = numbers.ofAll(names);
    const list = new Array<Judged>(names.length);
    for (let index = 0; index < names.length; index++) {
      const [name, number] = [names[index] ?? '', all[index] ?? NONE];
      const known = number === NONE ? judgedNode(name, undefined, anybody, whole) : column[number];
      list[index] = known ?? (column[number] = judgedNode(name, world.node(name), anybody, whole));
    }
    return withOwn(list, guest);
  }
  const forget = (number: number): void => {
    for (const column of columns.values()) if (number < column.length) column[number] = undefined;
  };
  return {
    judged,
    changed: (name) => {
      const number = numbers.of(name);
      if (number !== NONE) forget(number);
      else if (world.node(name) !== undefined) numbers.add(name);
    },
    gone: (name) => {
      const number = numbers.of(name);
      if (number === NONE) return;
      forget(number);
      numbers.remove(name);
    },
  };
}

function columnOf(columns: Map<string, Column>, shape: string): Column {
  const column = columns.get(shape) ?? [];
  keepNewest(columns, shape, column, MAX_SHAPES);
  return column;
}
