import { nameOf } from '../../kube/objects.ts';
import type { ClaimsOf } from '../placement/wanted.ts';
import { type AttachAsk, attachAskOf, type UsedVolume } from './attach.ts';
import { leftOf, type PoolRoom } from './pools.ts';
import type { PoolPromise } from './promises.ts';
import type { StorageBooks } from './storage.ts';
import type { ClaimFacts } from './volume-facts.ts';

/** What the volume claims of a VM mean for nodes. Made once a request; asked once a node. */
export interface StorageAsk extends AttachAsk {
  /** Why pools of the node cannot take the VM's new disks, '' = they can, or nobody tells. */
  poolReason(node: string): string;
  /** Why the node does not have the VM's data, '' = it has all of which anybody tells where it is. */
  dataReason(node: string): string;
  /** The VM's bytes that the node has, or has most room for, as a share of those that tell nodes apart: 0..1. undefined = none do. */
  shares(nodes: readonly string[]): readonly number[] | undefined;
  /** Why a refusal of pools will soon be over: a claim is not known yet, or VMs that passed a filter moments ago hold the room. '' = it will not. */
  passing(): string;
  /** What nodes may be asked to make for it. */
  readonly wants: PoolPromise['claims'];
}

/** A bound disk of which somebody tells where it is, or is attached. */
interface Disk {
  readonly bytes: number;
  /** undefined = no node is nearer than another. */
  readonly nodes: ReadonlySet<string> | undefined;
  readonly attached: readonly string[];
}

/** A node that a volume is attached to saves the wait for detaching it elsewhere: this part of having a copy. */
const ATTACHED = 0.1;

/** What the books say of a VM's claims. */
interface Known {
  readonly wants: Map<string, { readonly group: string; readonly bytes: number; readonly storageClass: string }>;
  /** Keys of claims that the scheduler knows, and we do not yet. */
  readonly unknown: string[];
  readonly disks: Disk[];
  readonly used: UsedVolume[];
}

/** undefined = the VM has no claims. */
export function askOf(wanted: ClaimsOf, books: StorageBooks): StorageAsk | undefined {
  if (wanted.volumeClaims.length === 0) return undefined;
  const known: Known = { wants: new Map(), unknown: [], disks: [], used: [] };
  for (const key of wanted.volumeClaims) look(books, known, { key, hotplugged: wanted.hotplugged?.includes(key) === true });
  const { wants, unknown, disks, used } = known;
  const needs = needsOf(wants.values());
  const room = (group: string, node: string): PoolRoom | undefined => books.pools.room(group, node, wanted.uid);
  let passing = '';
  return {
    ...attachAskOf(wanted.uid, used, books),
    wants,
    passing: () => passing,
    dataReason: (node) => dataReason(disks, node),
    shares: (nodes) => shares(nodes, disks, needs, room),
    poolReason: (node) => {
      if (unknown[0] !== undefined) return (passing = unknownReason(unknown[0]));
      for (const need of needs) {
        const there = room(need.group, node);
        if (there === undefined || leftOf(there) >= need.bytes) continue;
        if (leftOf({ ...there, tentative: 0 }) + there.twice >= need.bytes) passing = PASSING;
        return poolReason(need, there);
      }
      return '';
    },
  };
}

/** A claim that is plugged in was in use: while it is not bound, or not there, it says nothing. */
function look(
  books: StorageBooks,
  { wants, unknown, disks, used }: Known,
  { key, hotplugged }: { key: string; hotplugged: boolean },
): void {
  const claim = books.claim(key);
  if (hotplugged && (claim?.volume ?? '') === '') return;
  if (claim === undefined) {
    unknown.push(key);
    return;
  }
  used.push(...usedOf(books, claim, { key, hotplugged }));
  if (claim.volume !== '') disks.push(...diskOf(books, claim.volume));
  else if (claim.selectedNode === '') {
    const { storageClass, bytes } = claim;
    const facts = books.storageClass(storageClass);
    if (facts?.waits === true) wants.set(key, { group: facts.group, bytes, storageClass });
  }
}

const PASSING = 'room for its new disks is kept for claims under way, until it is known what they take (it asks again by itself)';

/** For a claim that the scheduler knows, and we do not yet. */
function unknownReason(key: string): string {
  return `claim ${nameOf(key)} is not yet known to the Podvisor scheduler extender (it asks again by itself)`;
}

/** Of a bound file system nothing is kept. */
function usedOf(
  books: StorageBooks,
  { volume: name, storageClass }: ClaimFacts,
  { key, hotplugged }: { key: string; hotplugged: boolean },
): readonly UsedVolume[] {
  const driver = name === '' ? books.storageClass(storageClass)?.provisioner : books.volume(name)?.driver;
  return driver === undefined ? [] : [{ driver, name, hotplugged, claim: nameOf(key) }];
}

function diskOf(books: StorageBooks, name: string): readonly Disk[] {
  const volume = books.volume(name);
  const attached = books.attachedTo(name);
  if (volume === undefined) return [];
  const nodes = books.nodesOf(volume);
  return nodes === undefined && attached.length === 0 ? [] : [{ bytes: Math.max(1, volume.bytes), nodes, attached }];
}

interface Need {
  readonly group: string;
  readonly bytes: number;
  readonly disks: number;
  readonly storageClasses: readonly string[];
}

function needsOf(wants: Iterable<{ readonly group: string; readonly bytes: number; readonly storageClass: string }>): readonly Need[] {
  const needs = new Map<string, Need>();
  for (const { group, bytes, storageClass } of wants) {
    const before = needs.get(group) ?? { group, bytes: 0, disks: 0, storageClasses: [] };
    const storageClasses = [...new Set([...before.storageClasses, storageClass])];
    needs.set(group, { group, bytes: before.bytes + bytes, disks: before.disks + 1, storageClasses });
  }
  return [...needs.values()];
} // prettier-ignore

function poolReason({ storageClasses, disks, bytes }: Need, room: PoolRoom): string {
  const promised = shownPromised(room, bytes);
  const pool = `pool of storage class${storageClasses.length > 1 ? 'es' : ''} ${storageClasses.join(' and ')}`;
  const why = promised === 0 ? '' : ` (${size(promised)} of ${size(room.told)} promised to others)`;
  return `${pool} has ${size(room.told - promised)} free${why}, guest's ${disks === 1 ? 'new disk needs' : `${disks} new disks need`} ${size(bytes)}`;
}

/** Without what is out of the told room already, as far as that too is a refusal; and never more than was told. */
function shownPromised({ told, promised, tentative, twice }: PoolRoom, bytes: number): number {
  const all = promised + tentative;
  return Math.min(told, told - (all - twice) < bytes ? all - twice : all);
}

function dataReason(disks: readonly Disk[], node: string): string {
  const known = disks.filter(({ nodes }) => nodes !== undefined);
  const away = known.filter(({ nodes }) => nodes?.has(node) !== true);
  if (away.length === 0) return '';
  const sum = (list: readonly Disk[]): number => list.reduce((all, { bytes }) => all + bytes, 0);
  const which = known.length === 1 ? "guest's disk" : `${away.length} of guest's ${known.length} disks (${size(sum(away))} of ${size(sum(known))})`;
  return `it has no copy of ${which}, and the guest requires its disks there`;
} // prettier-ignore

function shares(
  nodes: readonly string[],
  disks: readonly Disk[],
  needs: readonly Need[],
  room: (group: string, node: string) => PoolRoom | undefined,
): readonly number[] | undefined {
  const parts = [
    ...disks.map(({ bytes, nodes: local, attached }) => ({ bytes, share: (node: string) => nearness(node, local, attached) })),
    ...needs.flatMap(({ group, bytes }) => {
      const left = new Map(nodes.map((node) => [node, freeOf(room(group, node), bytes)]));
      const most = Math.max(0, ...left.values());
      return most === 0 ? [] : [{ bytes, share: (node: string) => (left.get(node) ?? 0) / most }];
    }),
  ];
  const whole = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  if (whole === 0) return undefined;
  return nodes.map((node) => parts.reduce((sum, { bytes, share }) => sum + bytes * share(node), 0) / whole);
}

function nearness(node: string, local: ReadonlySet<string> | undefined, attached: readonly string[]): number {
  if (local?.has(node) === true) return 1;
  return attached.includes(node) ? ATTACHED : 0;
}

function freeOf(room: PoolRoom | undefined, bytes: number): number {
  return room === undefined ? 0 : Math.max(0, leftOf(room) - bytes);
}

/** For people: `6 GiB`, `1.5 GiB`, `512 MiB`. Rounded down, so that it never looks as if something would fit. */
function size(bytes: number): string {
  const [unit, name] = bytes >= 2 ** 30 ? [2 ** 30, 'GiB'] : [2 ** 20, 'MiB'];
  return `${Math.floor((bytes / unit) * 10) / 10} ${name}`;
}
