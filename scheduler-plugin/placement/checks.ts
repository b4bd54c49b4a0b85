import { DEVICE_RESOURCE } from '../../api/names.ts';
import type { NodeFacts } from '../node-facts.ts';
import type { StorageAsk } from '../storage/ask.ts';
import { matchFunctions, offerFits } from './match-functions.ts';
import { planIn } from './plan.ts';
import type { FunctionFacts, Room, ZoneAmounts } from './room.ts';
import { bestFit, concernsZones, type Fit, rulesOf } from './rules.ts';
import type { ClaimsOf, MemoryKind, Wanted } from './wanted.ts';

/** What others hold or are about to, and what kubelets said. */
export interface Claims {
  /** How the VM fits what is free there; undefined = the node has no report. */
  verdict(node: string, wanted: Wanted): ZoneVerdict | undefined;
  /** Other VMs of the same owner there. */
  siblings(node: string, owner: string, uid: string): number;
  /** Whether any kubelet refused a VM of this owner lately. */
  wasRefused(owner: string): boolean;
  /** Why the node is left out for this VM for a while; '' = it is not. */
  backOff(node: string, owner: string): string;
  /** What the VM's volume claims mean; undefined = it has none. The same answer for all nodes of a request. */
  storage(wanted: ClaimsOf): StorageAsk | undefined;
}

/** One check: '' = the node will do, else why not. The scheduler groups nodes by the exact text, so it names no node. */
export type NodeCheck = (wanted: Wanted, node: NodeFacts, claims: Claims) => string;

/** The agent's device plugin withdraws the resource when it, or KVM, is not well: allocatable is then 0. */
export const offersAccelerator: NodeCheck = (wanted, node) => {
  if (node.slots[wanted.accelerator] > 0) return '';
  const resource = DEVICE_RESOURCE[wanted.accelerator];
  return `no Podvisor agent offers ${resource} there (see the podvisor-agent pod of that node)`;
};

export const wasNotRefused: NodeCheck = (wanted, node, claims) => claims.backOff(node.name, wanted.owner);

/** Zones and physical functions, as far as the node reports them. */
export const fitsZones: NodeCheck = (wanted, node, claims) => {
  if (!concernsZones(wanted)) return '';
  const verdict = claims.verdict(node.name, wanted);
  return verdict === undefined ? unreported(wanted) : verdict.reason;
};

/** What is asked of a node that only its report tells. */
function unreported(wanted: Wanted): string {
  const { hugepages, numa, sriov } = wanted.wishes;
  const asking = [
    ...(hugepages.mode === 'require' && wanted.memory !== 'plain' ? ['hugepages'] : []),
    ...(numa.mode === 'require' ? ['numa'] : []),
    ...(sriov.mode === 'require' && wanted.functions.length > 0 ? ['sriov'] : []),
    ...(sriov.mode === 'prefer' ? networksOf(wanted).map((network) => `a VF on physical network ${network}`) : []),
  ];
  if (asking.length === 0) return '';
  return `no NodeReport tells its zones, and the guest requires ${asking.join(' and ')} (see the podvisor-agent pod of that node)`;
}

function networksOf({ functions }: Wanted): readonly string[] {
  return [...new Set(functions.flatMap(({ network }) => network ?? []))];
}

/** How a VM fits a room, or why it does not. */
export type ZoneVerdict = { readonly reason: ''; readonly fit: Fit } | { readonly reason: string; readonly fit: undefined };

/** Looks for the best fit, and for the reason only when there is none. Pure, and the costly part of all: judgements are remembered. */
export function zoneVerdict(wanted: Wanted, room: Room): ZoneVerdict {
  const fit = bestFit(wanted, room);
  if (fit !== undefined) return { reason: '', fit };
  const reasons = ZONE_CHECKS.map((check) => check(wanted, room));
  return { reason: reasons.find((reason) => reason !== '') ?? 'its zones have no room for the guest', fit: undefined };
}

type ZoneCheck = (wanted: Wanted, room: Room) => string;
const ZONE_CHECKS: readonly ZoneCheck[] = [hasHugepages, hasFunctions, isAligned];

/** Huge pages in one zone for each cell, or in all zones together. */
function hasHugepages(wanted: Wanted, room: Room): string {
  if (wanted.memory === 'plain') return '';
  const { memory } = rulesOf(wanted, room);
  const rules = { memory, aligned: false, functions: 'any' } as const;
  if (memory === 'any' || planIn(wanted, room, rules) !== undefined) return '';
  const where = memory === 'total' ? 'altogether' : cellsText(wanted);
  return `${zonesText(room, (zone) => String(zone.memory[wanted.memory]))} free ${wanted.memory} pages, guest needs ${perCell(wanted)} ${where}`;
}

function hasFunctions(wanted: Wanted, room: Room): string {
  if (wanted.functions.length === 0) return '';
  const { functions } = rulesOf(wanted, room);
  const distinct = functions === 'distinct';
  if (functions === 'any' || matchFunctions(wanted.functions, room.functions, { distinct }) !== undefined) return '';
  return functionsReason(wanted, room, distinct);
}

/** Memory, dedicated CPUs and VFs in the same zones, when required. */
function isAligned(wanted: Wanted, room: Room): string {
  if (wanted.wishes.numa.mode !== 'require' || planIn(wanted, room, rulesOf(wanted, room)) !== undefined) return '';
  const { memory, cpus, extraCpus, cells } = wanted;
  const needs = [
    amountText(memory, perCell(wanted)),
    ...(cpus > 0 ? [`${(cpus - extraCpus) / cells} CPUs of its own${extraCpus > 0 ? ' (and one for QEMU)' : ''}`] : []),
    ...wanted.functions.map(({ resource }) => `a VF of ${resource}`),
  ];
  const has = zonesText(
    room,
    (zone) => `${amountText(memory, zone.memory[memory])}, ${zone.cpus} CPUs and ${vfsText(wanted, room, zone)} free`,
  );
  return `${has}, guest needs ${needs.join(', ')} together ${cellsText(wanted)}`;
}

/** The node plugins of its volumes, and places for those that are plugged in, as far as CSINodes tell. */
export const attachesVolumes: NodeCheck = (wanted, node, claims) => claims.storage(wanted)?.attachReason(node.name) ?? '';

/** All claims the VM is to make in a pool together, beside those under way; Kubernetes looks at each one alone. */
export const hasPoolRoom: NodeCheck = (wanted, node, claims) => claims.storage(wanted)?.poolReason(node.name) ?? '';

/** A copy of each disk, when required. */
export const hasData: NodeCheck = (wanted, node, claims) => claims.storage(wanted)?.dataReason(node.name) ?? '';

/** No two VMs of one owner on a node, when required. */
export const isSpread: NodeCheck = (wanted, node, claims) => {
  if (wanted.wishes.spread.mode !== 'require') return '';
  const others = claims.siblings(node.name, wanted.owner, wanted.uid);
  return others === 0 ? '' : 'another VM of the same controller is there, and the guest requires to be spread';
};

export const hasImage: NodeCheck = (wanted, node) => {
  if (wanted.wishes.image.mode !== 'require' || node.images.has(wanted.image)) return '';
  return 'its kubelet does not list the boot image, and the guest requires it there';
};

function perCell({ amount, cells, memory, wishes }: Wanted): number {
  const isTotal =
    memory !== 'plain' && wishes.hugepages.said && wishes.hugepages.mode === 'prefer' && wishes.numa.mode !== 'require';
  return isTotal ? amount : amount / cells;
}

function cellsText({ cells }: Wanted): string {
  return cells === 1 ? 'in one zone' : `in one zone for each of its ${cells} NUMA nodes`;
}

/** More zones than a person reads. */
const MOST_ZONES = 8;

function zonesText({ zones }: Room, text: (zone: ZoneAmounts) => string): string {
  const shown = zones.slice(0, MOST_ZONES).map((zone) => `zone ${zone.id} has ${text(zone)}`);
  const more = zones.length > MOST_ZONES ? [`${zones.length - MOST_ZONES} more zones have too few`] : [];
  const all = [...shown, ...more];
  return all.length === 0 ? 'the report has no zone, so none has' : joined(all);
}

function amountText(memory: MemoryKind, amount: number): string {
  return memory === 'plain' ? `${Math.floor(amount / 2 ** 20)} MiB` : `${amount} ${memory} pages`;
}

function vfsText({ functions }: Wanted, room: Room, zone: ZoneAmounts): string {
  const near = room.functions.filter((offer) => offer.zone === undefined || offer.zone === zone.id);
  return `${near.filter((offer) => functions.some(({ resource }) => resource === offer.resource)).reduce((all, { vfs }) => all + vfs, 0)} VFs`;
}

function functionsReason(wanted: Wanted, { functions }: Room, distinct: boolean): string {
  const [first] = wanted.functions;
  const missing = wanted.functions.find((one) => !functions.some((offer) => offerFits(one, offer, { distinct }))) ?? first;
  const offers = functions.filter(({ resource }) => resource === missing?.resource);
  const count = wanted.functions.filter(({ resource }) => resource === missing?.resource).length;
  const network = missing?.network === undefined ? '' : ` on physical network ${missing.network}`;
  const how = distinct ? ', each on a physical function of its own with carrier' : '';
  const has = offers.length === 0 ? 'no physical function offers' : `${joined(offers.map(offerText))} free`;
  return `${has} VFs of ${missing?.resource ?? ''}, guest needs ${count}${network}${how}`;
}

function offerText({ address, vfs, linkUp, network }: FunctionFacts): string {
  const notes = [...(network === undefined ? [] : [network]), ...(linkUp ? [] : ['no carrier'])];
  return `${address}${notes.length === 0 ? '' : ` (${notes.join(', ')})`} has ${vfs}`;
}

function joined(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;
}
