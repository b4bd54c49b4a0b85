import type { CpuFacts } from './report-facts.ts';
import type { Wanted } from './wanted.ts';

/** Whether a guest that started on one node's CPUs could go on, live, on another's. Without a report of either nobody knows, so no. */
export function canMove({ cpu: { model, features } }: Wanted, from: CpuFacts | undefined, to: CpuFacts | undefined): boolean {
  if (from === undefined || to === undefined) return false;
  if (from === to) return true;
  if (model === 'host' || model === 'max')
    return from.vendor === to.vendor && [...from.features].every((one) => to.features.has(one));
  return to.models.has(model) && features.every((one) => one.startsWith('-') || to.features.has(one.slice(1)));
}

/** How many of the other nodes the guest could move to later from a node of such CPUs. Counted by kind of CPU, of which there are few. */
export function countTargets(
  wanted: Wanted,
  nodes: readonly { readonly cpu: CpuFacts | undefined }[],
): (cpu: CpuFacts | undefined) => number {
  const kinds = countKinds(nodes);
  const targets = new Map<CpuFacts, number>();
  for (const from of kinds.keys()) {
    let count = -1;
    for (const [to, those] of kinds) if (canMove(wanted, from, to)) count += those;
    targets.set(from, count);
  }
  return (cpu) => (cpu === undefined ? 0 : (targets.get(cpu) ?? 0));
}

function countKinds(nodes: readonly { readonly cpu: CpuFacts | undefined }[]): ReadonlyMap<CpuFacts, number> {
  const kinds = new Map<CpuFacts, number>();
  // Mostly of the kind of the one before.
  let [kind, count]: [CpuFacts | undefined, number] = [undefined, 0];
  const end = (): void => {
    if (kind !== undefined) kinds.set(kind, (kinds.get(kind) ?? 0) + count);
  };
  for (const { cpu } of nodes) {
    if (cpu !== kind) {
      end();
      [kind, count] = [cpu, 0];
    }
    count += 1;
  }
  end();
  return kinds;
}
