import { nodeFacts } from './node-facts.ts';
import type { NodeFacts } from './node-facts.ts';
import { nodeReason } from './node-reason.ts';
import type { Wanted } from './node-reason.ts';
import type { Candidate, ExtenderRequest, Verdict } from './protocol.ts';

/** The VM's wishes as read from the pod, or why they could not be read. */
export type GuestOutcome = { readonly ok: true; readonly guest: Wanted } | { readonly ok: false; readonly reason: string };

/** One verdict a candidate, in the order asked. `lookup` answers for nodes that came as names only. */
export function judgeNodes(
  request: ExtenderRequest,
  outcome: GuestOutcome,
  lookup: (name: string) => NodeFacts | undefined,
): readonly Verdict[] {
  const judge = outcome.ok
    ? (candidate: Candidate) => nodeReason(outcome.guest, factsOf(candidate, lookup))
    : () => unreadable(outcome.reason);
  return request.candidates.map((candidate) => ({ candidate, reason: judge(candidate) }));
}

function factsOf(candidate: Candidate, lookup: (name: string) => NodeFacts | undefined): NodeFacts | undefined {
  return candidate.object === undefined ? lookup(candidate.name) : nodeFacts(candidate.object);
}

/** Admission refuses such pods, so this is one made while nothing of ours was installed. */
function unreadable(reason: string): string {
  return `Podvisor cannot place this pod: ${reason} (delete it and create it again through Podvisor's admission)`;
}
