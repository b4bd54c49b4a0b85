import type { NodeFacts } from './node-facts.ts';
import * as checks from './placement/checks.ts';
import type { Claims, NodeCheck } from './placement/checks.ts';
import type { Wanted } from './placement/wanted.ts';

/** Their answer is the same for all VMs of one shape, until something changes on the node. In the order of what a person would look at first. */
const SHAPE_CHECKS: readonly NodeCheck[] = [checks.offersAccelerator, checks.fitsZones, checks.hasImage];

/** A check whose answer is for one VM alone, or changes with time. */
interface OwnCheck {
  readonly check: NodeCheck;
  /** Whether it can say no of any node at all; asked once for thousands of them. */
  readonly concerns: (wanted: Wanted, claims: Claims) => boolean;
}

function looksAtStorage({ volumeClaims, wishes }: Wanted): boolean {
  return volumeClaims.length > 0 && wishes.storage.mode !== 'ignore';
}

const OWN_CHECKS: readonly OwnCheck[] = [
  { check: checks.wasNotRefused, concerns: ({ owner }, claims) => claims.wasRefused(owner) },
  { check: checks.attachesVolumes, concerns: looksAtStorage },
  { check: checks.hasPoolRoom, concerns: looksAtStorage },
  { check: checks.hasData, concerns: ({ volumeClaims, wishes }) => volumeClaims.length > 0 && wishes.storage.mode === 'require' },
  { check: checks.isSpread, concerns: ({ wishes }) => wishes.spread.mode === 'require' },
];

/**
 * Why this node cannot run this VM, '' when it can. The scheduler groups nodes by the exact text ("2 …, 1 …"), so reasons
 * name no node.
 */
export function nodeReason(wanted: Wanted, node: NodeFacts | undefined, claims: Claims): string {
  const reason = shapeReason(wanted, node, claims);
  if (reason !== '' || node === undefined) return reason;
  return firstReason(ownChecks(wanted, claims), wanted, node, claims);
}

/** As {@link nodeReason}, without what is of this VM alone: equal for VMs of equal {@link Wanted.shape}. */
export function shapeReason(wanted: Wanted, node: NodeFacts | undefined, claims: Claims): string {
  if (node === undefined) return 'not yet known to the Podvisor scheduler extender (it asks again by itself)';
  return firstReason(SHAPE_CHECKS, wanted, node, claims);
}

/** Those checks of one VM that can say no of some node; most VMs have none. */
export function ownChecks(wanted: Wanted, claims: Claims): readonly NodeCheck[] {
  return OWN_CHECKS.filter(({ concerns }) => concerns(wanted, claims)).map(({ check }) => check);
}

/** What the first check that says no says. */
export function firstReason(list: readonly NodeCheck[], wanted: Wanted, node: NodeFacts, claims: Claims): string {
  for (const check of list) {
    const reason = check(wanted, node, claims);
    if (reason !== '') return reason;
  }
  return '';
}
