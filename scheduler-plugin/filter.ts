import { nodeFacts } from './node-facts.ts';
import type { NodeFacts } from './node-facts.ts';
import { nodeReason } from './node-reason.ts';
import type { Claims } from './placement/checks.ts';
import { canMove } from './placement/mobility.ts';
import type { CpuFacts } from './placement/report-facts.ts';
import type { Wanted } from './placement/wanted.ts';
import type { Candidate, ExtenderRequest, Verdict } from './protocol.ts';

/** The VM's wishes as read from the pod, or why they could not be read. */
export type GuestOutcome = { readonly ok: true; readonly guest: Wanted } | { readonly ok: false; readonly reason: string };

/** The cluster as the checks see it; caches only. */
export interface World extends Claims {
  node(name: string): NodeFacts | undefined;
  nodes(): readonly NodeFacts[];
  cpu(node: string): CpuFacts | undefined;
}

/** One verdict a candidate, in the order asked. The world answers for nodes that came as names only. */
export function judgeNodes(request: ExtenderRequest, outcome: GuestOutcome, world: World): readonly Verdict[] {
  if (!outcome.ok) {
    const reason = unreadable(outcome.reason);
    return request.candidates.map((candidate) => ({ candidate, reason }));
  }
  const { guest } = outcome;
  const isMovable = guest.wishes.mobility.mode === 'require' ? movability(guest, world) : () => '';
  return request.candidates.map((candidate) => {
    const facts = factsOf(candidate, world);
    return { candidate, reason: nodeReason(guest, facts, world) || isMovable(candidate.name) };
  });
}

function factsOf(candidate: Candidate, world: World): NodeFacts | undefined {
  return candidate.object === undefined ? world.node(candidate.name) : nodeFacts(candidate.object);
}

/** Judges all nodes of the cluster, because the scheduler may ask about one alone. */
function movability(guest: Wanted, world: World): (name: string) => string {
  const able = world.nodes().filter((node) => nodeReason(guest, node, world) === '');
  return (name) => {
    const from = world.cpu(name);
    if (able.some((node) => node.name !== name && canMove(guest, from, world.cpu(node.name)))) return '';
    return 'no other node could take the guest later (room, accelerator and CPU), and it requires one';
  };
}

/** Admission refuses such pods, so this is one made while nothing of ours was installed. */
function unreadable(reason: string): string {
  return `Podvisor cannot place this pod: ${reason} (delete it and create it again through Podvisor's admission)`;
}
