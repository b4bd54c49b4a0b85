import { macKey } from './facts.ts';
import type { PodMacs, ShownMac } from './facts.ts';

/** A MAC of a pod that another pod has too. */
export interface Collision extends ShownMac {
  /** One of the others; always the same one while it is there. */
  readonly with: { readonly namespace: string; readonly name: string };
}

/** Which pods show which MACs where, kept up to date pod by pod. */
export interface MacIndex {
  /** Notes a pod under its key; undefined = gone. Returns the keys whose collisions may have changed, this one included. */
  set(key: string, pod: PodMacs | undefined): readonly string[];
  get(key: string): PodMacs | undefined;
  collisionsOf(key: string): readonly Collision[];
  /** MACs that more than one pod has on one network. */
  collisions(): number;
}

interface Member {
  readonly key: string;
  readonly pod: PodMacs;
}

/** An index of no pods. */
export function createMacIndex(): MacIndex {
  return new SortedMacIndex();
}

/**
 * Each group is sorted by UID, and a member is told the first other one. UIDs are random, so a newcomer is rarely among the first two, and
 * what the others are told mostly stays: n pods of one MAC cost about n reports, in whatever order a tenant names them.
 */
class SortedMacIndex implements MacIndex {
  readonly #pods = new Map<string, PodMacs>();
  readonly #groups = new Map<string, Member[]>();
  #collisions = 0;

  set(key: string, pod: PodMacs | undefined): readonly string[] {
    const before = this.#pods.get(key);
    if (before !== undefined && pod !== undefined && sameMember(before, pod)) {
      this.#pods.set(key, pod);
      return [key];
    }
    const affected = new Set([key]);
    if (before !== undefined) for (const mac of before.macs) this.#leave(macKey(mac), key, affected);
    if (pod === undefined) this.#pods.delete(key);
    else {
      this.#pods.set(key, pod);
      for (const mac of pod.macs) this.#join(macKey(mac), { key, pod }, affected);
    }
    return [...affected];
  }

  get(key: string): PodMacs | undefined {
    return this.#pods.get(key);
  }

  collisionsOf(key: string): readonly Collision[] {
    const pod = this.#pods.get(key);
    if (pod === undefined) return [];
    return pod.macs.flatMap((mac) => {
      const [first, second] = this.#groups.get(macKey(mac)) ?? [];
      const other = first?.key === key ? second : first;
      return other === undefined ? [] : [{ ...mac, with: { namespace: other.pod.namespace, name: other.pod.name } }];
    });
  }

  collisions(): number {
    return this.#collisions;
  }

  #join(group: string, member: Member, affected: Set<string>): void {
    const members = this.#groups.get(group) ?? [];
    const index = members.findIndex(({ pod }) => pod.uid > member.pod.uid);
    const at = index < 0 ? members.length : index;
    // Most have one member, and an array that grew has room for seventeen.
    const joined = members.toSpliced(at, 0, member);
    this.#groups.set(group, joined);
    if (joined.length === 2) this.#collisions += 1;
    noteTold(joined, at, affected);
  }

  #leave(group: string, key: string, affected: Set<string>): void {
    const members = this.#groups.get(group) ?? [];
    const at = members.findIndex((member) => member.key === key);
    if (at < 0) return;
    noteTold(members, at, affected);
    members.splice(at, 1);
    if (members.length === 1) this.#collisions -= 1;
    if (members.length === 0) this.#groups.delete(group);
  }
}

/** Who is told of the member at this place: all, if it is the first; the first, if it is the second. */
function noteTold(members: readonly Member[], at: number, affected: Set<string>): void {
  const told = at === 0 ? members : at === 1 ? members.slice(0, 1) : [];
  for (const { key } of told) affected.add(key);
}

function sameMember(a: PodMacs, b: PodMacs): boolean {
  return (
    a.uid === b.uid && a.macs.length === b.macs.length && a.macs.every((mac, at) => macKey(mac) === macKey(b.macs[at] ?? mac))
  );
}
