import { type ZoneVerdict, zoneVerdict } from './checks.ts';
import type { ReportFacts } from './report-facts.ts';
import { type Claim, type Room, roomOf } from './room.ts';
import type { Standing } from '../preemption/standing.ts';
import type { Wanted } from './wanted.ts';

/** A VM pod on a node, as the pod watch has it. */
export interface BoundVm extends Claim {
  readonly node: string;
  readonly owner: string;
  /** It has a final phase: nothing of it runs, though the node's report may not know yet. */
  readonly ended: boolean;
  /** What preemption weighs it by; without, it is never a victim. */
  readonly standing?: Standing;
  /** When its kubelet took it, in seconds since the epoch. */
  readonly since?: number;
  /** It is being deleted, and its grace period ends then. Seconds since the epoch. */
  readonly leavesBy?: number;
}

/** A claim made when the scheduler chose the node, before the watch shows the pod there. */
export interface Reservation extends Claim {
  readonly node: string;
  readonly owner: string;
  /** Milliseconds since the epoch; by then the watch has shown the pod there, or the binding failed unseen. */
  readonly expiresAt: number;
}

/** Who takes what of which node: bound pods, reservations and reports, each VM counted once. */
export interface Ledger {
  /** What the pod watch says of a pod; undefined = it is gone. Confirms or drops its reservation. */
  setPod(key: string, vm: BoundVm | undefined): void;
  setReport(node: string, report: ReportFacts | undefined): void;
  reserve(reservation: Reservation): void;
  /** The binding failed for good. */
  release(uid: string): void;
  /** Drops what is older than its time; how many. */
  expire(now: number): number;
  /** What is free there for this VM, its own claim not counted; undefined = the node has no report. */
  room(node: string, uid?: string): Room | undefined;
  /** How the VM fits there. Remembered while nothing changes on the node: pods of one workload ask the same. */
  verdict(node: string, wanted: Wanted): ZoneVerdict | undefined;
  report(node: string): ReportFacts | undefined;
  /** All that holds or will hold something of the node; a {@link Reservation} has no `ended`. */
  claims(node: string): Iterable<BoundVm | Reservation>;
  /** VMs that ended while the node's report still has them. */
  ended(node: string): ReadonlySet<string>;
  /** VMs bound or about to be. */
  vmsOn(node: string): number;
  /** Of these, other VMs of the same owner. */
  siblings(node: string, owner: string, uid: string): number;
  reservations(): number;
}

type OnNode = Map<string, BoundVm | Reservation>;

/** A room and what was found out about it, by shape of VM. */
interface Known {
  readonly room: Room;
  readonly verdicts: Map<string, ZoneVerdict>;
}

/** Shapes remembered for each node; a cluster of 5,000 nodes makes megabytes of them. */
const MAX_SHAPES = 4;

/** An empty ledger. It has identity because all requests look at, and add to, the same one. */
export function createLedger(): Ledger {
  const books: Books = {
    pods: new Map(),
    nodes: new Map(),
    reports: new Map(),
    rooms: new Map(),
    reserved: new Map(),
    ended: new Map(),
  };
  return {
    setPod: (key, vm) => setPod(books, key, vm),
    setReport: (node, report) => setReport(books, node, report),
    reserve: (reservation) => {
      release(books, reservation.uid);
      books.reserved.set(reservation.uid, reservation);
      put(books, reservation);
    },
    release: (uid) => release(books, uid),
    expire: (now) => {
      const old = [...books.reserved.values()].filter(({ expiresAt }) => expiresAt <= now);
      for (const { uid } of old) release(books, uid);
      return old.length;
    },
    room: (node, uid = '') => roomFor(books, node, uid),
    verdict: (node, wanted) => verdictFor(books, node, wanted),
    report: (node) => books.reports.get(node),
    claims: (node) => books.nodes.get(node)?.values() ?? [],
    ended: (node) => books.ended.get(node) ?? NOBODY,
    vmsOn: (node) => books.nodes.get(node)?.size ?? 0,
    siblings: (node, owner, uid) => {
      const others = [...(books.nodes.get(node)?.values() ?? [])];
      return others.filter((vm) => vm.owner === owner && vm.uid !== uid).length;
    },
    reservations: () => books.reserved.size,
  };
}

interface Books {
  /** By the watch's key. */
  readonly pods: Map<string, BoundVm>;
  /** By node, then UID: what holds or will hold it. */
  readonly nodes: Map<string, OnNode>;
  readonly reports: Map<string, ReportFacts>;
  /** Made when first asked for after a change. */
  readonly rooms: Map<string, Known>;
  readonly reserved: Map<string, Reservation>;
  /** By node: VMs that ended while its report still has them. */
  readonly ended: Map<string, Set<string>>;
}

function setPod(books: Books, key: string, vm: BoundVm | undefined): void {
  const before = books.pods.get(key);
  // A pod made anew under the same name is another VM.
  if (before !== undefined && (vm === undefined || vm.uid !== before.uid || vm.ended || vm.node !== before.node))
    remove(books, before);
  if (vm === undefined) books.pods.delete(key);
  else books.pods.set(key, vm);
  if (vm === undefined) return;
  release(books, vm.uid);
  if (vm.ended) end(books, vm);
  else put(books, vm);
}

/** Only of what is seen to have ended is the part of an old report given back: a pod deleted by force may run on. */
function end(books: Books, { node, uid }: BoundVm): void {
  if (books.reports.get(node)?.vms.has(uid) !== true) return;
  const ended = books.ended.get(node) ?? new Set();
  books.ended.set(node, ended.add(uid));
  books.rooms.delete(node);
}

function setReport(books: Books, node: string, report: ReportFacts | undefined): void {
  books.rooms.delete(node);
  const still = new Set([...(books.ended.get(node) ?? [])].filter((uid) => report?.vms.has(uid) === true));
  if (still.size === 0) books.ended.delete(node);
  else books.ended.set(node, still);
  if (report === undefined) books.reports.delete(node);
  else books.reports.set(node, report);
}

function put({ nodes, rooms }: Books, vm: BoundVm | Reservation): void {
  const there = nodes.get(vm.node) ?? new Map<string, BoundVm | Reservation>();
  nodes.set(vm.node, there.set(vm.uid, vm));
  rooms.delete(vm.node);
}

function remove({ nodes, rooms }: Books, { node, uid }: Pick<BoundVm, 'node' | 'uid'>): void {
  const there = nodes.get(node);
  there?.delete(uid);
  if (there?.size === 0) nodes.delete(node);
  rooms.delete(node);
}

function release(books: Books, uid: string): void {
  const reservation = books.reserved.get(uid);
  if (reservation === undefined) return;
  books.reserved.delete(uid);
  remove(books, reservation);
}

const NOBODY: ReadonlySet<string> = new Set();

function roomFor({ nodes, reports, rooms, ended }: Books, node: string, uid: string): Room | undefined {
  const known = rooms.get(node);
  const there = nodes.get(node);
  const isOwn = there?.has(uid) === true;
  if (known !== undefined && !isOwn) return known.room;
  const report = reports.get(node);
  if (report === undefined) return undefined;
  const claims = [...(there?.values() ?? [])].filter((claim) => claim.uid !== uid);
  const room = roomOf(report, claims, ended.get(node) ?? NOBODY);
  if (!isOwn) rooms.set(node, { room, verdicts: new Map() });
  return room;
}

function verdictFor(books: Books, node: string, wanted: Wanted): ZoneVerdict | undefined {
  const before = books.nodes.get(node)?.has(wanted.uid) === true ? undefined : books.rooms.get(node)?.verdicts.get(wanted.shape);
  if (before !== undefined) return before;
  const room = roomFor(books, node, wanted.uid);
  if (room === undefined) return undefined;
  const verdict = zoneVerdict(wanted, room);
  const known = books.rooms.get(node);
  if (known?.room !== room) return verdict;
  if (known.verdicts.size >= MAX_SHAPES) known.verdicts.clear();
  known.verdicts.set(wanted.shape, verdict);
  return verdict;
}
