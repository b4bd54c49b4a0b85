import type { GroupRoom } from './pools.ts';

type Tell = (node: string, rooms: readonly GroupRoom[]) => void;

/** Passes rooms of nodes on while their source can be relied on. */
export interface RoomGate {
  /** All rooms of the node. */
  readonly set: Tell;
  /** False takes back all that was told; true tells it again, as it is now. */
  setFresh(fresh: boolean): void;
}

/** Open at first. */
export function createRoomGate(tell: Tell): RoomGate {
  const known = new Map<string, readonly GroupRoom[]>();
  let isFresh = true;
  return {
    set: (node, rooms) => {
      if (rooms.length === 0) known.delete(node);
      else known.set(node, rooms);
      if (isFresh) tell(node, rooms);
    },
    setFresh: (fresh) => {
      if (fresh === isFresh) return;
      isFresh = fresh;
      for (const [node, rooms] of known) tell(node, fresh ? rooms : []);
    },
  };
}
