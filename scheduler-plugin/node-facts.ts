import { DEVICE_RESOURCE } from '../api/names.ts';
import { imageSet, type ImageSet } from './placement/image-names.ts';
import type { NodeObject } from './protocol.ts';

/** How QEMU runs a guest; the GuestSpec says which one was chosen at admission. */
export type Accelerator = keyof typeof DEVICE_RESOURCE;

/** All the extender remembers of a Node object; small, because there may be thousands. What its agent reports is in the ledger. */
export interface NodeFacts {
  readonly name: string;
  /** VM slots the node's agent offers now, by accelerator (allocatable device plugin resources). */
  readonly slots: Readonly<Record<Accelerator, number>>;
  /** Images its kubelet lists (the 50 largest by default). */
  readonly images: ImageSet;
}

/** What to keep of a Node object; its images, unless they are known. */
export function nodeFacts(node: NodeObject, images?: ImageSet): NodeFacts {
  const allocatable = node.status?.allocatable ?? {};
  return {
    name: node.metadata?.name ?? '',
    slots: { kvm: count(allocatable[DEVICE_RESOURCE.kvm]), tcg: count(allocatable[DEVICE_RESOURCE.tcg]) },
    images: images ?? imageSet((node.status?.images ?? []).flatMap(({ names }) => names ?? [])),
  };
}

/** Extended resources are whole numbers; anything else is no offer. */
function count(quantity: string | undefined): number {
  const value = Number(quantity ?? '0');
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}
