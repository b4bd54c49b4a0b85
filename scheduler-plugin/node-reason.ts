import { DEVICE_RESOURCE } from '../api/names.ts';
import type { Accelerator, NodeFacts } from './node-facts.ts';

/** What placement asks of a VM; the part of the GuestSpec that the checks read. */
export interface Wanted {
  readonly accelerator: Accelerator;
}

/** One check: '' = the node will do, else why not. */
type NodeCheck = (wanted: Wanted, node: NodeFacts | undefined) => string;

/**
 * Why this node cannot run this VM, '' when it can. The scheduler groups nodes by the exact text ("2 …, 1 …"), so reasons
 * name no node.
 */
export function nodeReason(wanted: Wanted, node: NodeFacts | undefined): string {
  for (const check of NODE_CHECKS) {
    const reason = check(wanted, node);
    if (reason !== '') return reason;
  }
  return '';
}

/** In the order of what a person would look at first. */
const NODE_CHECKS: readonly NodeCheck[] = [isKnown, offersAccelerator];

function isKnown(_wanted: Wanted, node: NodeFacts | undefined): string {
  return node === undefined ? 'not yet known to the Podvisor scheduler extender (it asks again by itself)' : '';
}

/** The agent's device plugin withdraws the resource when it, or KVM, is not well: allocatable is then 0. */
function offersAccelerator(wanted: Wanted, node: NodeFacts | undefined): string {
  if (node === undefined || node.slots[wanted.accelerator] > 0) return '';
  const resource = DEVICE_RESOURCE[wanted.accelerator];
  return `no Podvisor agent offers ${resource} there (see the podvisor-agent pod of that node)`;
}
