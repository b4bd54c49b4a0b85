import type { StorageBooks } from './storage.ts';

/** A volume that the VM uses, or that is to be made for it. */
export interface UsedVolume {
  /** CSI driver, or the provisioner of its StorageClass. */
  readonly driver: string;
}

/** What only a driver's node plugin decides. */
export interface AttachAsk {
  /** Why the node cannot have the VM's volumes attached, '' = it can, or nobody tells. */
  attachReason(node: string): string;
}

/**
 * A node needs the node plugins of the VM's volumes. kube-scheduler looks at that only behind VolumeLimitScaling (alpha in 1.36) and for CSIDrivers with
 * `preventPodSchedulingIfMissing`. A driver that runs on no node may be no CSI driver: it says nothing.
 */
export function attachAskOf(volumes: readonly UsedVolume[], { csiNodes }: Pick<StorageBooks, 'csiNodes'>): AttachAsk {
  const drivers = [...new Set(volumes.map(({ driver }) => driver))].filter((driver) => csiNodes.runs(driver));
  return {
    attachReason: (node) => {
      if (drivers.length === 0) return '';
      const there = csiNodes.on(node);
      const missing = drivers.find((driver) => !there.has(driver));
      return missing === undefined
        ? ''
        : `node plugin of CSI driver ${missing} does not run there, and a disk of the guest needs it`;
    },
  };
}
