import type { Accelerator } from '../api/guest-spec.ts';
import { DEVICE_RESOURCE } from '../api/names.ts';
import { parseQuantity } from '../api/quantity.ts';

/** What one node offers, and nothing else of it: a Node is 20 KB, this is two booleans. */
export type NodeOffer = Readonly<Record<Accelerator, boolean>>;

/** Reads a raw Node. */
export function nodeOffer(node: { readonly [field: string]: unknown }): NodeOffer {
  const status = node['status'] as { allocatable?: Readonly<Record<string, string>> } | undefined;
  const offers = (accelerator: Accelerator): boolean => {
    const parsed = parseQuantity(status?.allocatable?.[DEVICE_RESOURCE[accelerator]] ?? '');
    return parsed.ok && parsed.value.nanos > 0n;
  };
  return { kvm: offers('kvm'), tcg: offers('tcg') };
}

/** What the cluster offers: an accelerator that any node has. */
export function clusterOffer(nodes: readonly NodeOffer[]): NodeOffer {
  return { kvm: nodes.some(({ kvm }) => kvm), tcg: nodes.some(({ tcg }) => tcg) };
}
