import type { GuestSpec } from '../api/guest-spec.ts';
import { overheadBytes } from './overhead.ts';

/** Fills in what the parser leaves to this room: the memory overhead. */
export function completeGuest(guest: GuestSpec): GuestSpec {
  return { ...guest, overheadBytes: overheadBytes(guest) };
}
