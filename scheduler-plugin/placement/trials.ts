import { keepNewest } from '../../runtime/newest.ts';
import { MOST_REFUSALS } from './refusals.ts';

/** A VM pod that has a node, or is about to. */
export interface Tried {
  readonly uid: string;
  /** UID of its controller, or of the pod. */
  readonly owner: string;
}

/** What a kubelet has said of a bound pod: nothing yet, yes, or no. */
export type Word = 'none' | 'accepted' | 'refused';

/** Pods of one controller that are bound and of which no kubelet has said anything yet. */
export interface Trials {
  /**
   * '' = it may be bound, and counts from now; else why it has to wait for what is said of others first. `now` in milliseconds since the epoch.
   */
  begin(pod: Tried, now: number): string;
  /** It was not bound. */
  drop(pod: Tried): void;
  /** What the pod watch shows of a bound pod. */
  seen(pod: Tried, word: Word, now: number): void;
}

interface Owner {
  /** A kubelet has accepted one of its pods, and none has refused one since. */
  trusted: boolean;
  /** UIDs of pods nobody has spoken of, with the time they were bound. */
  readonly open: Map<string, number>;
}

/** A kubelet speaks within a second; one that is silent for so long is down, and others must not wait for it. */
const SILENT_MS = 30_000;
/** Controllers remembered; one that is forgotten begins anew. */
const CAPACITY = 2_000;

/**
 * Empty {@link Trials}. `refused` counts what kubelets have refused of an owner's pods lately. Pods that a person made are free: each is a controller
 * of its own, and nobody makes them again.
 */
export function createTrials(refused: (owner: string, now: number) => number): Trials {
  const owners = new Map<string, Owner>();
  return {
    begin: (pod, now) => {
      if (pod.owner === pod.uid) return '';
      const owner = ownerOf(owners, pod.owner);
      const reason = owner.open.has(pod.uid) ? '' : heldBack(owner, refused(pod.owner, now), now);
      if (reason === '') owner.open.set(pod.uid, now);
      return reason;
    },
    drop: ({ owner, uid }) => owners.get(owner)?.open.delete(uid),
    seen: (pod, word, now) => {
      if (pod.owner === pod.uid) return;
      const owner = word === 'none' ? ownerOf(owners, pod.owner) : owners.get(pod.owner);
      if (word === 'none') return keepFirst(owner?.open, pod.uid, now);
      // Only of pods that were waited for: what ran before a restart of ours says nothing of the node that comes next.
      if (owner?.open.delete(pod.uid) === true) owner.trusted = word === 'accepted';
    },
  };
}

function keepFirst(open: Map<string, number> | undefined, uid: string, now: number): void {
  if (open?.has(uid) === false) open.set(uid, now);
}

function ownerOf(owners: Map<string, Owner>, uid: string): Owner {
  const known = owners.get(uid) ?? { trusted: false, open: new Map<string, number>() };
  keepNewest(owners, uid, known, CAPACITY);
  return known;
}

/** Without trust, and as long as a refusal is remembered, no more are tried than may be refused. */
function heldBack({ trusted, open }: Owner, refused: number, now: number): string {
  if (trusted && refused === 0) return '';
  for (const [uid, since] of open) if (now - since >= SILENT_MS) open.delete(uid);
  if (open.size + refused < MOST_REFUSALS) return '';
  return `of pods of this controller ${open.size} wait for a kubelet to accept them and ${refused} were refused lately; it is bound when one is accepted`;
}
