import type { NodeFacts } from './node-facts.ts';
import * as checks from './placement/checks.ts';
import type { Claims, NodeCheck } from './placement/checks.ts';
import type { Wanted } from './placement/wanted.ts';

/** In the order of what a person would look at first. */
const NODE_CHECKS: readonly NodeCheck[] = [
  checks.offersAccelerator,
  checks.wasNotRefused,
  checks.fitsZones,
  checks.isSpread,
  checks.hasImage,
];

/**
 * Why this node cannot run this VM, '' when it can. The scheduler groups nodes by the exact text ("2 …, 1 …"), so reasons
 * name no node.
 */
export function nodeReason(wanted: Wanted, node: NodeFacts | undefined, claims: Claims): string {
  if (node === undefined) return 'not yet known to the Podvisor scheduler extender (it asks again by itself)';
  for (const check of NODE_CHECKS) {
    const reason = check(wanted, node, claims);
    if (reason !== '') return reason;
  }
  return '';
}
