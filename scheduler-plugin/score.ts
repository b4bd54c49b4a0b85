import type { Candidate, HostPriority } from './protocol.ts';

/** MaxExtenderPriority of k8s.io/kube-scheduler/extender/v1; the scheduler does not clamp. */
const BEST = 10;

/**
 * Fewest VMs first: the node with the fewest gets 10, each VM more costs one point, never below 0. Spreads QEMU's page
 * cache and TCG load over nodes that the scheduler's own scores see as equal.
 */
export function scoreNodes(candidates: readonly Candidate[], vmsOn: (node: string) => number): readonly HostPriority[] {
  const counts = candidates.map((candidate) => vmsOn(candidate.name));
  const fewest = counts.reduce((least, value) => Math.min(least, value), Number.MAX_SAFE_INTEGER);
  return candidates.map((candidate, index) => ({
    Host: candidate.name,
    Score: Math.max(0, BEST - ((counts[index] ?? fewest) - fewest)),
  }));
}
