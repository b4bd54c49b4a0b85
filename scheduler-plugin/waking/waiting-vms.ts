import { keepNewest } from '../../runtime/newest.ts';
import type { Wanted } from '../placement/wanted.ts';

/** A VM that every node refused that the scheduler had left for us. */
export interface WaitingVm {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly guest: Wanted;
  /** The nodes that refused it; of others the scheduler's own filters say no. */
  readonly nodes: ReadonlySet<string>;
  /** When it was refused last. Milliseconds since the epoch. */
  readonly refusedAt: number;
  /** How often it was woken without being placed. */
  readonly wakes: number;
  /** Not to be woken before. Milliseconds since the epoch. */
  readonly quietUntil: number;
}

/** Who waits, and since when. */
export interface WaitingVms {
  refused(vm: Pick<WaitingVm, 'uid' | 'namespace' | 'name' | 'guest'>, nodes: readonly string[], now: number): void;
  /** It found a node, or is no more. */
  gone(namespace: string, name: string): void;
  woken(vm: WaitingVm, now: number): void;
  /** Those that may be woken now: the scheduler's order, highest priority first, then who has waited longest. */
  due(now: number): readonly WaitingVm[];
  size(): number;
}

/** Few VMs wait at a time; of more than that, those refused first are left to the scheduler's own five minutes. */
const MAX_VMS = 500;
/** Different lists of nodes, each up to megabytes; pods of one workload share theirs. */
const MAX_LISTS = 16;
/** The scheduler tries a pod again after five minutes at the latest, so one not heard of for twice that is no more, or another replica's. */
const FORGOTTEN_MS = 10 * 60_000;
/** After a wake that was in vain, twice as long each time; five minutes are what the scheduler takes by itself. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/** Nobody waits yet. */
export function createWaitingVms(): WaitingVms {
  const vms = new Map<string, WaitingVm>();
  const shareNodes = createShared();
  return {
    refused: ({ uid, namespace, name, guest }, nodes, now) => {
      const key = `${namespace}/${name}`;
      const before = vms.get(key);
      const same = before?.uid === uid ? before : undefined;
      const { wakes = 0, quietUntil = 0 } = same ?? {};
      const vm = { uid, namespace, name, guest, nodes: shareNodes(nodes), refusedAt: now, wakes, quietUntil };
      keepNewest(vms, key, vm, MAX_VMS);
    },
    gone: (namespace, name) => void vms.delete(`${namespace}/${name}`),
    woken: (vm, now) => {
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** vm.wakes);
      const key = `${vm.namespace}/${vm.name}`;
      if (vms.get(key)?.uid === vm.uid) vms.set(key, { ...vm, wakes: vm.wakes + 1, quietUntil: now + pause });
    },
    due: (now) => {
      for (const [key, { refusedAt }] of vms) if (now - refusedAt > FORGOTTEN_MS) vms.delete(key);
      const due = [...vms.values()].filter(({ quietUntil }) => quietUntil <= now);
      return due.sort((a, b) => b.guest.priority - a.guest.priority || a.refusedAt - b.refusedAt);
    },
    size: () => vms.size,
  };
}

/** One set for equal lists. */
function createShared(): (names: readonly string[]) => ReadonlySet<string> {
  const known: ReadonlySet<string>[] = [];
  return (names) => {
    const before = known.find((set) => set.size === names.length && names.every((name) => set.has(name)));
    if (before !== undefined) return before;
    const made = new Set(names);
    known.push(made);
    if (known.length > MAX_LISTS) known.shift();
    return made;
  };
}
