/** A VM pod that a kubelet refused after it was bound. */
export interface Refusal {
  /** UID of the pod. */
  readonly uid: string;
  /** UID of its controller, or of the pod. */
  readonly owner: string;
  readonly node: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Which nodes a kubelet's refusal leaves out, and how long. */
export interface Refusals {
  note(refusal: Refusal): void;
  /** Whether there is any of this owner; without, no node is left out. */
  has(owner: string): boolean;
  /** How many are remembered: those of the last ten minutes, and a little longer. */
  recent(owner: string, now: number): number;
  /** Why the VM should not go there now, '' = nothing against it. `now` in milliseconds since the epoch. */
  reason(node: string, owner: string, now: number): string;
}

const MINUTE_MS = 60_000;
/** A node is left out for a minute after its first refusal, twice as long after each more. */
const FIRST_MS = MINUTE_MS;
const LONGEST_MS = 30 * MINUTE_MS;
/** So many refusals by any nodes in so long, and the VM waits for all: what refuses it is the VM. */
export const MOST_REFUSALS = 4;
/** A minute more than the ten in which five pods may fail: kubelets date a refusal to the second, and by clocks of their own. */
const WINDOW_MS = 11 * MINUTE_MS;
/** Refusals remembered; the oldest are forgotten first. */
const CAPACITY = 5_000;

/** An empty {@link Refusals}. */
export function createRefusals(): Refusals {
  const byOwner = new Map<string, Refusal[]>();
  let count = 0;
  return {
    note: (refusal) => {
      const before = byOwner.get(refusal.owner) ?? [];
      if (before.some(({ uid }) => uid === refusal.uid)) return;
      byOwner.delete(refusal.owner);
      byOwner.set(refusal.owner, [...before, refusal]);
      count += 1;
      for (const [owner, list] of byOwner) {
        if (count <= CAPACITY) break;
        byOwner.delete(owner);
        count -= list.length;
      }
    },
    has: (owner) => byOwner.has(owner),
    recent: (owner, now) => recentOf(byOwner.get(owner) ?? [], now).length,
    reason: (node, owner, now) => {
      const all = byOwner.get(owner);
      return all === undefined ? '' : backOff(all, node, now);
    },
  };
}

function recentOf(all: readonly Refusal[], now: number): readonly Refusal[] {
  return all.filter(({ at }) => now - at < WINDOW_MS);
}

function backOff(all: readonly Refusal[], node: string, now: number): string {
  const recent = recentOf(all, now);
  if (recent.length >= MOST_REFUSALS) {
    return `kubelets refused ${recent.length} pods of this VM in the last ${WINDOW_MS / MINUTE_MS} minutes (see their status.message); it waits before the next try`;
  }
  const here = all.filter((one) => one.node === node);
  const last = here.reduce((latest, { at }) => Math.max(latest, at), 0);
  const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** (here.length - 1));
  if (here.length === 0 || now - last >= pause) return '';
  return `its kubelet refused a pod of this VM (see that pod's status.message); left out for ${pause / MINUTE_MS} min after the refusal`;
}
