import type { Judged } from '../filter.ts';
import type { BoundVm } from '../placement/ledger.ts';
import type { ReportFacts } from '../placement/report-facts.ts';
import type { Wanted } from '../placement/wanted.ts';
import { nodeScores } from '../score.ts';

const COMPLAINTS = ['PagesApart', 'FunctionsElsewhere', 'DataElsewhere'] as const;
/** What of a running VM is not where it should be. */
export type Complaint = (typeof COMPLAINTS)[number];

/** Where a running VM really lies. */
export interface Lying {
  /** Zones that hold some of its memory. */
  readonly zones: number;
  /** Some VF of it is in a zone that holds none of its memory. */
  readonly isApart: boolean;
  /** The part of its disks' bytes that its node has, 0..1; undefined = nobody tells. */
  readonly share: number | undefined;
}

/** Where a VM lies by its node's report; undefined = the report does not have it (yet). Pure. */
export function lyingOf({ uid, needs }: BoundVm, report: ReportFacts, share: number | undefined): Lying | undefined {
  const held = report.vms.get(uid);
  if (held === undefined) return undefined;
  const zones = new Set(held.zones.filter(({ memory }) => memory[needs.memory] > 0).map(({ id }) => id));
  const isApart = held.functions.some((address) => {
    const zone = report.functions.find((one) => one.address === address)?.zone;
    return zone !== undefined && !zones.has(zone);
  });
  return { zones: zones.size, isApart, share };
}

/** Whether it is worth reading the VM's wishes. */
export function isSuspicious({ zones, isApart, share = 1 }: Lying): boolean {
  return zones > 1 || isApart || share < 1;
}

/** What is not as the VM wants it. Small pages over several zones are a complaint only of a VM that said so. Pure. */
export function complaintsOf({ memory, cells, wishes }: Wanted, { zones, isApart, share = 1 }: Lying): readonly Complaint[] {
  const { hugepages, numa, storage } = wishes;
  const asksNuma = numa.said && numa.mode !== 'ignore';
  const asksPages = memory !== 'plain' && hugepages.mode !== 'ignore';
  const holds: Readonly<Record<Complaint, boolean>> = {
    PagesApart: zones > cells && (asksNuma || asksPages),
    FunctionsElsewhere: isApart && asksNuma,
    DataElsewhere: share < 1 && storage.mode !== 'ignore',
  };
  return COMPLAINTS.filter((one) => holds[one]);
}

/** What is known of a VM and of where it could be. */
export interface HintQuestion {
  readonly guest: Wanted;
  readonly complaints: readonly Complaint[];
  readonly lying: Lying;
  /** Its own node. */
  readonly here: Judged;
  /** Nodes that pass all checks. */
  readonly others: readonly Judged[];
  /** Shares of its disks: here first, then the others'. */
  readonly shares: readonly number[] | undefined;
  /** The node that was named last time, if any. */
  readonly named: string | undefined;
}

/** A node where what is complained of would be better. */
export interface Hint {
  readonly reason: Complaint;
  readonly node: string;
  readonly message: string;
}

/** Points of the score by which a node must be better to be named, and to be named still: not the same, so that a hint does not come and go. */
const CLEARLY = 2;
const STILL = 1;
/** So much more of its disks, at least. */
const MORE_DATA = 0.25;

/** The node to name, undefined = none is clearly better. The one named last stays while it is still better. Pure. */
export function hintFor(question: HintQuestion): Hint | undefined {
  const { guest, complaints, here, others, named } = question;
  const [reason] = complaints;
  if (reason === undefined) return undefined;
  const shares = question.shares ?? [];
  const all = [asItLies(question), ...others];
  const { totals } = nodeScores(weighed(guest, complaints), all, question.shares);
  const gain = (index: number): number => (totals[index] ?? 0) - (totals[0] ?? 0);
  const cures = (index: number): boolean => {
    const data = (shares[index] ?? 0) - (shares[0] ?? 0) >= MORE_DATA;
    return complaints.every((one) => (one === 'DataElsewhere' ? data : isCured(one, all[index])));
  };
  const good = all.flatMap(({ name }, index) =>
    index > 0 && name !== here.name && cures(index) ? [{ name, gain: gain(index) }] : [],
  );
  const still = good.find((one) => one.name === named && one.gain >= STILL);
  const best = still ?? good.filter((one) => one.gain >= CLEARLY).sort((a, b) => b.gain - a.gain)[0];
  return best && { reason, node: best.name, message: messageOf(question, best.name) };
}

/** Which zone a guest would fill best says nothing of one that lies in a zone already. */
function weighed(guest: Wanted, complaints: readonly Complaint[]): Wanted {
  if (complaints.includes('PagesApart')) return guest;
  return { ...guest, wishes: { ...guest.wishes, hugepages: { ...guest.wishes.hugepages, weight: 0 } } };
}

function isCured(complaint: Complaint, node: Judged | undefined): boolean {
  return complaint === 'PagesApart' ? node?.fit?.whole === true : node?.fit?.aligned === true;
}

/** Its own node is scored by where the VM really is, not by where it could be there. */
function asItLies({ here, complaints }: HintQuestion): Judged {
  const whole = !complaints.includes('PagesApart');
  const aligned = whole && !complaints.includes('FunctionsElsewhere') && here.fit?.aligned === true;
  const { hasFunctions = false, distinct = true } = here.fit ?? {};
  const fit = { left: 0, hasFunctions, distinct, whole, aligned };
  return { ...here, fit, vms: Math.max(0, here.vms - 1) };
}

/** Names no figure that changes by itself, since each change is a write. */
function messageOf({ complaints, guest }: HintQuestion, node: string): string {
  const texts: Readonly<Record<Complaint, string>> = {
    PagesApart: `its memory is in more zones than its ${guest.cells === 1 ? 'one' : guest.cells} NUMA node${guest.cells === 1 ? '' : 's'}`,
    FunctionsElsewhere: 'its SR-IOV functions are in other zones than its memory',
    DataElsewhere: 'its disks are on other nodes',
  };
  return `Node ${node} would be better: here, ${complaints.map((one) => texts[one]).join(', and ')}.`;
}
