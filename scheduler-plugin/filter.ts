import type { NodeFacts } from './node-facts.ts';
import { firstReason, ownChecks, shapeReason } from './node-reason.ts';
import type { Claims } from './placement/checks.ts';
import { countTargets } from './placement/mobility.ts';
import type { CpuFacts } from './placement/report-facts.ts';
import { concernsZones, gradeOf } from './placement/rules.ts';
import type { Wanted } from './placement/wanted.ts';
import type { ExtenderRequest, Verdict } from './protocol.ts';
import type { Scored } from './score.ts';

/** The VM's wishes as read from the pod, or why they could not be read. */
export type GuestOutcome = { readonly ok: true; readonly guest: Wanted } | { readonly ok: false; readonly reason: string };

/** What was found out about a node for VMs of one shape; `reason` is that of {@link shapeReason}. */
export interface Judged extends Verdict, Scored {}

/** The cluster as the checks see it; caches only. */
export interface World extends Claims {
  node(name: string): NodeFacts | undefined;
  nodes(): readonly NodeFacts[];
  cpu(node: string): CpuFacts | undefined;
  /** VM pods bound to that node, or about to be. */
  vmsOn(node: string): number;
  /** {@link judgedNode} of each of these nodes, in order. */
  judged(names: readonly string[], guest: Wanted): readonly Judged[];
}

/** One verdict a node, in the order asked; of those that pass with what scores are made of. Nodes that came whole are known by their names, too. */
export function judgeNodes({ names }: ExtenderRequest, outcome: GuestOutcome, world: World): readonly (Verdict | Judged)[] {
  if (!outcome.ok) {
    const reason = unreadable(outcome.reason);
    return names.map((name) => ({ name, reason }));
  }
  const { guest } = outcome;
  const verdicts = withOwnChecks(world.judged(names, guest), guest, world);
  return guest.wishes.mobility.mode === 'require' ? withMobility(verdicts, guest, world) : verdicts;
}

/** What one node is to a VM. Equal for VMs of equal {@link Wanted.shape}, as long as nothing changes on the node. */
export function judgedNode(name: string, facts: NodeFacts | undefined, guest: Wanted, world: World): Judged {
  const verdict = concernsZones(guest) ? world.verdict(name, guest) : undefined;
  return {
    name,
    reason: shapeReason(guest, facts, { ...world, verdict: () => verdict }),
    fit: verdict?.fit && gradeOf(verdict.fit),
    cpu: world.cpu(name),
    vms: world.vmsOn(name),
    hasImage: facts?.images.has(guest.image) === true,
  };
}

function withOwnChecks(judged: readonly Verdict[], guest: Wanted, world: World): readonly Verdict[] {
  const checks = ownChecks(guest, world);
  if (checks.length === 0) return judged;
  return refusing(judged, (name) => {
    const facts = world.node(name);
    return facts === undefined ? '' : firstReason(checks, guest, facts, world);
  });
}

/** Looks at all nodes of the cluster, because the scheduler may ask about one alone. */
function withMobility(verdicts: readonly Verdict[], guest: Wanted, world: World): readonly Verdict[] {
  const names = world.nodes().map(({ name }) => name);
  const able = withOwnChecks(world.judged(names, guest), guest, world).flatMap(({ name, reason }) => reason === '' ? [name] : []); // prettier-ignore
  const targets = countTargets(
    guest,
    able.map((name) => ({ cpu: world.cpu(name) })),
  );
  const counts = new Map(able.map((name) => [name, targets(world.cpu(name))]));
  return refusing(verdicts, (name) => {
    if ((counts.get(name) ?? 0) > 0) return '';
    return 'no other node could take the guest later (room, accelerator and CPU), and it requires one';
  });
}

/** The verdicts, with more nodes refused. */
function refusing(verdicts: readonly Verdict[], reasonOf: (name: string) => string): readonly Verdict[] {
  return verdicts.map((verdict) => {
    const reason = verdict.reason === '' ? reasonOf(verdict.name) : '';
    return reason === '' ? verdict : { name: verdict.name, reason };
  });
}

/** Admission refuses such pods, so this is one made while nothing of ours was installed. */
function unreadable(reason: string): string {
  return `Podvisor cannot place this pod: ${reason} (delete it and create it again through Podvisor's admission)`;
}
