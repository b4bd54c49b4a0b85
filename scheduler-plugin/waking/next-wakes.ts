import type { WaitingVm } from './waiting-vms.ts';

/** A VM to wake, and the node that would take it. */
export interface Wake {
  readonly vm: WaitingVm;
  readonly node: string;
}

/** So many writes at most in one look, and there is a second between two. */
export const MOST_WAKES = 10;
/** What to look at. */
export interface Look {
  /** Who may be woken, in the scheduler's order. */
  readonly due: readonly WaitingVm[];
  /** Nodes of which something is new; undefined = all of them, because time alone changes some refusals. */
  readonly changed: ReadonlySet<string> | undefined;
  /** Of these nodes, the first that would take the VM. */
  readonly firstThatPasses: (vm: WaitingVm, names: readonly string[]) => string | undefined;
  /** Between two VMs: lets requests go before. */
  readonly rest: () => Promise<void>;
}

/**
 * Whom to wake: VMs that a node which refused them would take now. One for each node, because what the first one takes is not known yet; the others
 * are still there at the next look.
 */
export async function nextWakes({ due, changed, firstThatPasses, rest }: Look): Promise<readonly Wake[]> {
  const wakes: Wake[] = [];
  const taken = new Set<string>();
  for (const vm of due) {
    if (wakes.length >= MOST_WAKES) break;
    await rest();
    const names = candidates(vm, changed, taken);
    const node = names.length === 0 ? undefined : firstThatPasses(vm, names);
    if (node === undefined) continue;
    taken.add(node);
    wakes.push({ vm, node });
  }
  return wakes;
}

function candidates(
  { nodes }: WaitingVm,
  changed: ReadonlySet<string> | undefined,
  taken: ReadonlySet<string>,
): readonly string[] {
  const list = changed === undefined || changed.size > nodes.size ? nodes : changed;
  const other = list === nodes ? changed : nodes;
  return [...list].filter((name) => !taken.has(name) && (other === undefined || other.has(name)));
}
