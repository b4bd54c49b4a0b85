import type { StorageBooks } from './storage.ts';

/** A volume that the VM uses, or that is to be made for it. */
export interface UsedVolume {
  /** CSI driver, or the provisioner of its StorageClass. */
  readonly driver: string;
  /** The PersistentVolume; '' while there is none. */
  readonly name: string;
  /** It is none of the pod's volumes, but plugged into its guest. */
  readonly hotplugged: boolean;
  /** Name of its claim. */
  readonly claim: string;
}

/** What a VM's volumes ask of a node, as far as kube-scheduler does not. */
export interface AttachAsk {
  /** Why the node cannot have the VM's volumes attached, '' = it can, or nobody tells. */
  attachReason(node: string): string;
}

/**
 * A node needs the node plugins of the VM's volumes, and places for those that are plugged into its guest. kube-scheduler (NodeVolumeLimits of 1.36) looks for
 * plugins only behind VolumeLimitScaling (alpha) and for CSIDrivers with `preventPodSchedulingIfMissing`, and counts volumes of pods and
 * VolumeAttachments: it does not know of what is to be plugged in again, nor where that can be used. A driver that runs on no node may be no CSI driver: it says nothing.
 */
export function attachAskOf(uid: string, volumes: readonly UsedVolume[], books: StorageBooks): AttachAsk {
  const drivers = [...new Set(volumes.map(({ driver }) => driver))].filter((driver) => books.csiNodes.runs(driver));
  const plugged = drivers.filter((driver) => volumes.some((one) => one.hotplugged && one.driver === driver));
  const pinned = volumes
    .filter(({ hotplugged }) => hotplugged)
    .map(({ name, claim }) => ({ claim, nodes: books.usableOn(name) }));
  return {
    attachReason: (node) => {
      const away = pinned.find(({ nodes }) => nodes?.has(node) === false);
      if (away !== undefined) return `claim ${away.claim} is plugged into the guest, and its volume cannot be used there`;
      if (drivers.length === 0) return '';
      const there = books.csiNodes.on(node);
      const missing = drivers.find((driver) => !there.has(driver));
      if (missing !== undefined)
        return `node plugin of CSI driver ${missing} does not run there, and a disk of the guest needs it`;
      for (const driver of plugged) {
        const own = volumes.filter((one) => one.driver === driver);
        const reason = placesReason({ driver, limit: there.get(driver), own, taken: takenOn(books, { node, driver, uid }) });
        if (reason !== '') return reason;
      }
      return '';
    },
  };
}

/** PersistentVolumes of the driver that are attached there or about to be, for VMs that were bound a moment ago too. */
function takenOn(books: StorageBooks, { node, driver, uid }: { node: string; driver: string; uid: string }): ReadonlySet<string> {
  const attached = books.attachmentsOn(node).flatMap((one) => (one.driver === driver ? [one.volume] : []));
  const ofVms = books.claimsOn(node, uid).flatMap((key) => {
    const name = books.claim(key)?.volume ?? '';
    return books.volume(name)?.driver === driver ? [name] : [];
  });
  return new Set([...attached, ...ofVms]);
} // prettier-ignore

interface Places {
  readonly driver: string;
  /** undefined = the driver names none. */
  readonly limit: number | undefined;
  readonly own: readonly UsedVolume[];
  readonly taken: ReadonlySet<string>;
}

/** When all that is plugged in is attached there already, kube-scheduler has counted it. */
function placesReason({ driver, limit, own, taken }: Places): string {
  const more = own.filter(({ name }) => !taken.has(name));
  if (limit === undefined || taken.size + more.length <= limit || !more.some(({ hotplugged }) => hotplugged)) return '';
  const plugged = more.filter(({ hotplugged }) => hotplugged).length;
  return `CSI driver ${driver} has ${taken.size} of at most ${limit} volumes there, guest needs ${more.length} more (${plugged} of them plugged into it)`;
}
