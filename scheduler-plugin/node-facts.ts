import { DEVICE_RESOURCE } from '../api/names.ts';
import { imageSet, type ImageSet } from './placement/image-names.ts';
import type { NodeObject } from './protocol.ts';
import { topolvmRooms } from './storage/drivers.ts';
import type { GroupRoom } from './storage/pools.ts';
import { createLabelReader, type LabelReader } from './storage/topology.ts';

/** How QEMU runs a guest; the GuestSpec says which one was chosen at admission. */
export type Accelerator = keyof typeof DEVICE_RESOURCE;

/** All the extender remembers of a Node object; small, because there may be thousands. What its agent reports is in the ledger. */
export interface NodeFacts {
  readonly name: string;
  /** VM slots the node's agent offers now, by accelerator (allocatable device plugin resources). */
  readonly slots: Readonly<Record<Accelerator, number>>;
  /** Images its kubelet lists (the 50 largest by default). */
  readonly images: ImageSet;
  /** As `key=value`, those that a volume's topology may name. */
  readonly labels: readonly string[];
  /** By TopoLVM device class, as its agent writes them on the Node. */
  readonly topolvm: readonly GroupRoom[];
}

/** What to keep of a Node object; `readLabels` shares labels between nodes. */
export function nodeFacts(node: NodeObject, readLabels: LabelReader = createLabelReader()): NodeFacts {
  const { name = '', labels = {}, annotations = {} } = node.metadata ?? {};
  const { allocatable = {} } = node.status ?? {};
  return {
    name,
    slots: { kvm: count(allocatable[DEVICE_RESOURCE.kvm]), tcg: count(allocatable[DEVICE_RESOURCE.tcg]) },
    images: imageSet(imageNames(node)),
    labels: readLabels(labels),
    topolvm: topolvmRooms(annotations),
  };
}

function imageNames({ status: { images = [] } = {} }: NodeObject): readonly string[] {
  return images.flatMap(({ names }) => names ?? []);
}

/** Extended resources are whole numbers; anything else is no offer. */
function count(quantity: string | undefined): number {
  const value = Number(quantity ?? '0');
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}
