import { type PartResult, type Place, refused } from './part.ts';

/** The guest has the virtual function itself. */
export function sriov(place: Omit<Place, 'link'>): PartResult {
  const address = place.facts.functions?.[place.network.interface];
  if (address === undefined) return refused(place, 'its PCI address is not known yet');
  return { ok: true, part: { nic: { address } } };
}
