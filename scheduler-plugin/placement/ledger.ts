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
  /** Its volume claims, `namespace/name`; none without. */
  readonly volumeClaims?: readonly string[];
  /** Its pod says that another node would be better. */
  readonly isHinted?: true;
}

/** A claim made when the scheduler chose the node, before the watch shows the pod there. */
export interface Reservation extends Claim {
  readonly node: string;
  readonly owner: string;
  /** As of a {@link BoundVm}. */
  readonly volumeClaims?: readonly string[];
  /** Milliseconds since the epoch; by then the watch has shown the pod there, or the binding failed unseen. */
  readonly expiresAt: number;
}

/** Who takes what of which node: bound pods, reservations and reports, each VM counted once. */
export interface Ledger {
  /** What the pod watch says of a pod; undefined = it is gone. Confirms or drops its reservation. */
  setPod(key: string, vm: BoundVm | undefined): void;
  setReport(node: string, report: ReportFacts | undefined): void;
  /** Nothing for a pod that is seen bound to that node already. */
  reserve(reservation: Reservation): void;
  /** The binding failed for good. */
  release(uid: string): void;
  /** Drops what is older than its time; how many. */
  expire(now: number): number;
  /** What is free there for this VM, its own claim not counted; undefined = the node has no report. */
  room(node: string, uid?: string): Room | undefined;
  /** How the VM fits there. */
  verdict(node: string, wanted: Wanted): ZoneVerdict | undefined;
  report(node: string): ReportFacts | undefined;
  /** All that holds or will hold something of the node; a {@link Reservation} has no `ended`. */
  claims(node: string): Iterable<BoundVm | Reservation>;
  /** The watch's key of a VM; looks at all of them. */
  keyOf(uid: string): string | undefined;
  /** VMs that ended while the node's report still has them. */
  ended(node: string): ReadonlySet<string>;
  /** VMs bound or about to be. */
  vmsOn(node: string): number;
  /** Of these, other VMs of the same owner. */
  siblings(node: string, owner: string, uid: string): number;
  reservations(): number;
  /** VMs whose pod says that another node would be better; looks at all of them. */
  hinted(): number;
  /** The node where this pod has a reservation. */
  reservedOn(uid: string): string | undefined;
}

/** A list, because a node has tens of VMs and a Map of so few takes more than they do. */
type OnNode = (BoundVm | Reservation)[];

/** An empty ledger. It has identity because all requests look at, and add to, the same one. `onChange` is told of each node on which anything changed. */
export function createLedger(onChange: (node: string) => void = () => undefined): Ledger {
  const books: Books = {
    pods: new Map(),
    nodes: new Map(),
    reports: new Map(),
    reserved: new Map(),
    ended: new Map(),
    onChange,
  };
  return {
    setPod: (key, vm) => setPod(books, key, vm),
    setReport: (node, report) => setReport(books, node, report),
    reserve: (reservation) => reserve(books, reservation),
    release: (uid) => release(books, uid),
    expire: (now) => expire(books, now),
    room: (node, uid = '') => roomFor(books, node, uid),
    verdict: (node, wanted) => {
      const room = roomFor(books, node, wanted.uid);
      return room === undefined ? undefined : zoneVerdict(wanted, room);
    },
    report: (node) => books.reports.get(node),
    claims: (node) => books.nodes.get(node) ?? [],
    keyOf: (uid) => keyOf(books, uid),
    ended: (node) => books.ended.get(node) ?? NOBODY,
    vmsOn: (node) => books.nodes.get(node)?.length ?? 0,
    siblings: (node, owner, uid) => {
      let count = 0;
      for (const vm of books.nodes.get(node) ?? []) if (vm.owner === owner && vm.uid !== uid) count += 1;
      return count;
    },
    reservations: () => books.reserved.size,
    hinted: () => {
      let count = 0;
      for (const { isHinted } of books.pods.values()) if (isHinted) count += 1;
      return count;
    },
    reservedOn: (uid) => books.reserved.get(uid)?.node,
  };
}

interface Books {
  /** By the watch's key. */
  readonly pods: Map<string, BoundVm>;
  /** By node: what holds or will hold it. */
  readonly nodes: Map<string, OnNode>;
  readonly reports: Map<string, ReportFacts>;
  readonly reserved: Map<string, Reservation>;
  /** By node: VMs that ended while its report still has them. */
  readonly ended: Map<string, Set<string>>;
  readonly onChange: (node: string) => void;
}

function keyOf({ pods }: Books, uid: string): string | undefined {
  for (const [key, vm] of pods) if (vm.uid === uid) return key;
  return undefined;
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
  books.onChange(node);
}

function setReport(books: Books, node: string, report: ReportFacts | undefined): void {
  const still = new Set([...(books.ended.get(node) ?? [])].filter((uid) => report?.vms.has(uid) === true));
  if (still.size === 0) books.ended.delete(node);
  else books.ended.set(node, still);
  if (report === undefined) books.reports.delete(node);
  else books.reports.set(node, report);
  books.onChange(node);
}

function put({ nodes, onChange }: Books, vm: BoundVm | Reservation): void {
  const there = nodes.get(vm.node) ?? [];
  const at = there.findIndex(({ uid }) => uid === vm.uid);
  if (at < 0) there.push(vm);
  else there[at] = vm;
  nodes.set(vm.node, there);
  onChange(vm.node);
}

function remove({ nodes, onChange }: Books, { node, uid }: Pick<BoundVm, 'node' | 'uid'>): void {
  const there = nodes.get(node) ?? [];
  const at = there.findIndex((one) => one.uid === uid);
  if (at >= 0) there.splice(at, 1);
  if (there.length === 0) nodes.delete(node);
  onChange(node);
}

/** A pod the watch has shown there is the claim itself; a reservation in its place would end, and the claim with it. */
function reserve(books: Books, reservation: Reservation): void {
  const { uid, node } = reservation;
  if (books.nodes.get(node)?.some((vm) => vm.uid === uid && 'ended' in vm) === true) return;
  release(books, uid);
  books.reserved.set(uid, reservation);
  put(books, reservation);
}

function release(books: Books, uid: string): void {
  const reservation = books.reserved.get(uid);
  if (reservation === undefined) return;
  books.reserved.delete(uid);
  remove(books, reservation);
}

function expire(books: Books, now: number): number {
  let count = 0;
  for (const { uid, expiresAt } of books.reserved.values()) {
    if (expiresAt > now) continue;
    release(books, uid);
    count += 1;
  }
  return count;
}

const NOBODY: ReadonlySet<string> = new Set();

function roomFor({ nodes, reports, ended }: Books, node: string, uid: string): Room | undefined {
  const report = reports.get(node);
  if (report === undefined) return undefined;
  const claims = (nodes.get(node) ?? []).filter((claim) => claim.uid !== uid);
  return roomOf(report, claims, ended.get(node) ?? NOBODY);
}
