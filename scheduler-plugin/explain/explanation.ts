import type { ExplainedNeeds, ExplainedNode, Explanation } from '../../api/explanation.ts';
import type { Decision } from '../decisions.ts';
import type { NodeFacts } from '../node-facts.ts';
import { nodeReason } from '../node-reason.ts';
import type { Claims } from '../placement/checks.ts';
import type { Room } from '../placement/room.ts';
import type { Wanted } from '../placement/wanted.ts';

/** The cluster as it is now, for the facts that go with a decision. */
export interface ExplainedWorld extends Claims {
  node(name: string): NodeFacts | undefined;
  vmsOn(node: string): number;
  /** What is free there for a VM, its own claim not counted; undefined = nothing is known of its zones. */
  room(node: string, uid: string): Room | undefined;
  /** What tells the node's zones and functions; '' = nothing. */
  source(node: string): string;
}

/** More nodes than a person reads; each is about a kB. */
const MOST_NODES = 50;

/** A decision with facts of the nodes it names. Pure but for the caches of `world`. */
export function explanationOf(pod: string, decision: Decision, world: ExplainedWorld): Explanation {
  const { guest, ...decided } = decision;
  const named = [
    ...(decided.bind === undefined ? [] : [decided.bind.node]),
    ...decided.scores.map(({ name }) => name),
    ...decided.refused.flatMap(({ nodes }) => nodes),
  ];
  const nodes = [...new Set(named)].slice(0, MOST_NODES);
  return {
    pod,
    ...decided,
    ...(guest === undefined ? {} : { needs: needsOf(guest) }),
    nodes: nodes.map((name) => nodeNow(name, decision, world)),
  };
}

/** The same for somebody who may read the pod but not what is known of nodes: no names but of the node the pod was bound to. */
export function withoutNodes(explanation: Explanation, hidden: string): Explanation {
  const own = explanation.bind?.node;
  return {
    ...explanation,
    refused: explanation.refused.map((group) => ({ ...group, nodes: [] })),
    scores: explanation.scores.filter(({ name }) => name === own),
    nodes: [],
    hidden,
  };
}

function needsOf({ accelerator, memory, amount, cells, cpus, functions, wishes }: Wanted): ExplainedNeeds {
  return { accelerator, memory, amount, cells, cpus, functions, wishes };
}

function nodeNow(name: string, { uid, guest }: Decision, world: ExplainedWorld): ExplainedNode {
  const facts = world.node(name);
  const room = world.room(name, uid);
  return {
    name,
    reason: guest === undefined ? '' : nodeReason(guest, facts, world),
    source: world.source(name),
    zones: room?.zones ?? [],
    functions: (room?.functions ?? []).map(({ address, zone, resource, network, linkUp, vfs }) => ({
      address,
      ...(zone === undefined ? {} : { zone }),
      ...(resource === undefined ? {} : { resource }),
      ...(network === undefined ? {} : { network }),
      linkUp,
      vfs,
    })),
    vms: world.vmsOn(name),
    image: guest !== undefined && facts?.images.has(guest.image) === true,
  };
}
