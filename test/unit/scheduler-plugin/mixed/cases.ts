import { type Case, type Dice, makeCase } from '../oracle-cases.ts';
import { makePoolCase, type Seen } from '../storage/oracle.ts';
import type { Cluster, Disk, MixedQuestion, PassedVm, TrueNode, TruePool } from './oracle.ts';

/** A cluster with a history: what is true now, and what the scheduler was told of it. */
export interface MixedCase extends Cluster {
  readonly nodes: readonly MixedNode[];
  readonly pools: readonly MixedPool[];
  readonly passed: readonly MixedPassed[];
  /** What was seen of pools, in order. */
  readonly seen: readonly PoolEvent[];
  readonly question: MixedQuestion;
  readonly disks: readonly ClassDisk[];
  /** Nodes on which the VM itself passed before. */
  readonly passedBefore: readonly string[];
}

export interface MixedNode extends TrueNode {
  readonly report: Case['report'];
  /** `nominated`: it waits until others have left, and goes before. */
  readonly vms: readonly (Case['vms'][number] & { readonly nominated: boolean })[];
}

export interface MixedPool extends TruePool {
  /** Of its nodes' label. */
  readonly value: string;
  /** Whose objects tell of it. */
  readonly classes: readonly string[];
}

export interface PoolEvent {
  readonly pool: MixedPool;
  /** Where a claim was placed. */
  readonly node: string;
  readonly storageClass: string;
  readonly one: Seen;
}

export interface ClassDisk extends Disk {
  readonly storageClass: string;
}

export interface MixedPassed extends PassedVm {
  readonly disks: readonly ClassDisk[];
  /** Where it passed. */
  readonly asked: readonly string[];
  /** Of the disks, the one whose claim shows the node already, which is then the one of `nodes`. */
  readonly placed: number | undefined;
  /** Too long ago: it is promised nothing any more. */
  readonly isOver: boolean;
}

/** Groups of classes that share their pools; volumes of class `now` are made at once, by nobody's choice. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = { fast: ['fast'], thick: ['thick', 'slow'] };
const OWNERS = ['o', 'p', 'q'];
const NAMES = ['a', 'b', 'c', 'd'];
const pick = <T>(roll: Dice, list: readonly T[]): T => list[roll(list.length)]!;
const some = (roll: Dice, list: readonly string[]): readonly string[] => list.filter(() => roll(2) === 0);

export function makeMixedCase(roll: Dice): MixedCase {
  const names = NAMES.slice(0, 2 + roll(3));
  const cases = names.map(() => makeCase(roll));
  const nodes = names.map((name, index) => makeNode(roll, name, cases[index]!));
  const groups = roll(3) === 0 ? ['fast'] : Object.keys(GROUPS);
  const made = groups.flatMap((group) => makePools(roll, group, names));
  const passed = Array.from({ length: pick(roll, [0, 0, 1, 2]) }, () => makePassed(roll, names));
  const disks = Array.from({ length: roll(4) }, () => makeDisk(roll, 8));
  return {
    nodes,
    pools: made.map(({ pool }) => pool),
    seen: mingled(roll, made.map(({ seen }) => seen)),
    passed: passed.map((vm) => (vm.isOver ? { ...vm, nodes: vm.asked, disks: [] } : vm)),
    disks,
    passedBefore: roll(3) === 0 ? some(roll, names) : [],
    question: { ...cases[0]!.question, ...makeWishes(roll), owner: pick(roll, OWNERS), disks },
  };
} // prettier-ignore

function makeNode(roll: Dice, name: string, { truth, report, vms }: Case): MixedNode {
  const uidOf = (uid: string): string => `${name}-${uid}`;
  const here = vms.map(({ vm, reserved }) => ({
    vm: { ...vm, uid: uidOf(vm.uid), node: name, owner: pick(roll, OWNERS) },
    reserved,
    nominated: reserved && roll(3) === 0,
  }));
  return {
    name,
    truth,
    told: roll(8) > 0,
    offers: roll(12) > 0,
    hasImage: roll(2) === 0,
    owners: here.flatMap(({ vm, nominated }) => (vm.ended || nominated ? [] : [vm.owner])),
    report: { ...report, vms: report.vms.map((vm) => ({ ...vm, podUid: uidOf(vm.podUid) })) },
    vms: here,
  };
}

interface MadePool {
  readonly pool: MixedPool;
  readonly seen: readonly PoolEvent[];
}

/** Of each node: a pool of its own, one with others, or none. */
function makePools(roll: Dice, group: string, names: readonly string[]): readonly MadePool[] {
  const values = names.map((name) => pick(roll, ['rack', 'rack', name, name, undefined]));
  const classes = GROUPS[group]!;
  return [...new Set(values)].flatMap((value) => {
    if (value === undefined) return [];
    const { seen, left, ahead } = makePoolCase(roll);
    const nodes = names.filter((_, index) => values[index] === value);
    const telling = roll(2) === 0 ? classes : [pick(roll, classes)];
    const pool = { group, value, nodes, left, ahead, classes: telling };
    const places = new Map<string, Pick<PoolEvent, 'node' | 'storageClass'>>();
    const events = seen.map((one): PoolEvent => {
      const claim = one.kind === 'told' ? '' : one.claim;
      const place = places.get(claim) ?? { node: pick(roll, nodes), storageClass: pick(roll, classes) };
      places.set(claim, place);
      return { pool, ...place, one };
    });
    return [{ pool, seen: events }];
  });
}

/** All in one row, those of one list in their order. */
function mingled(roll: Dice, lists: readonly (readonly PoolEvent[])[]): readonly PoolEvent[] {
  const open = lists.map((list) => [...list]).filter((list) => list.length > 0);
  const row: PoolEvent[] = [];
  while (open.length > 0) {
    const at = roll(open.length);
    row.push(open[at]!.shift()!);
    if (open[at]!.length === 0) open.splice(at, 1);
  }
  return row;
}

function makePassed(roll: Dice, names: readonly string[]): MixedPassed {
  const disks = Array.from({ length: 1 + roll(2) }, () => makeDisk(roll, 4));
  const asked = [...new Set([pick(roll, names), ...some(roll, names)])];
  const isOver = roll(4) === 0;
  const waiting = disks.findIndex(({ group }) => group !== undefined);
  const placed = isOver || waiting < 0 || roll(2) === 0 ? undefined : waiting;
  return { disks, asked, isOver, placed, nodes: placed === undefined ? asked : [pick(roll, asked)] };
}

function makeDisk(roll: Dice, most: number): ClassDisk {
  const storageClass = pick(roll, ['fast', 'fast', 'fast', 'thick', 'slow', 'now']);
  const group = Object.keys(GROUPS).find((one) => GROUPS[one]!.includes(storageClass));
  return { storageClass, group, gib: 1 + roll(most) };
}

function makeWishes(roll: Dice): Pick<MixedQuestion, 'storage' | 'spread' | 'image' | 'mobility'> {
  const said = (sides: number, key: string, ...values: readonly string[]): object => (roll(sides) > 0 ? {} : { [key]: pick(roll, values) });
  return {
    ...said(3, 'storage', 'require', 'prefer', 'prefer=9', 'ignore'),
    ...said(4, 'spread', 'require', 'prefer', 'ignore'),
    ...said(6, 'image', 'require', 'prefer=5', 'ignore'),
    ...said(6, 'mobility', 'require', 'prefer=5', 'ignore'),
  };
} // prettier-ignore
