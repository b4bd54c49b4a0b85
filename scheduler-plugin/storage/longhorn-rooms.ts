import { type LonghornNode, longhornGroup, longhornRoom, longhornSettings, type LonghornWish } from './longhorn-nodes.ts';
import type { GroupRoom } from './pools.ts';

/** What Longhorn's nodes have for the classes there are. */
export interface LonghornRooms {
  /** undefined = gone. */
  setNode(name: string, node: LonghornNode | undefined): void;
  setSetting(name: string, value: string | undefined): void;
  /** undefined = gone, or no class whose volumes are on the VM's node. */
  setClass(name: string, wish: LonghornWish | undefined): void;
}

/** Knows nothing yet. Tells all rooms of a node whenever they may be others. */
export function createLonghornRooms(tell: (node: string, rooms: readonly GroupRoom[]) => void): LonghornRooms {
  const nodes = new Map<string, LonghornNode>();
  const values = new Map<string, string>();
  const wishes = new Map<string, LonghornWish>();
  let settings = longhornSettings(values);
  let groups: readonly LonghornWish[] = [];
  const tellOf = (name: string, node: LonghornNode): void => tell(name, groups.map((wish) => longhornRoom(node, wish, settings))); // prettier-ignore
  const tellAll = (): void => nodes.forEach((node, name) => tellOf(name, node));
  return {
    setNode: (name, node) => {
      if (node === undefined) {
        if (nodes.delete(name)) tell(name, []);
        return;
      }
      nodes.set(name, node);
      if (groups.length > 0) tellOf(name, node);
    },
    setSetting: (name, value) => {
      if (value === undefined) values.delete(name);
      else values.set(name, value);
      settings = longhornSettings(values);
      if (groups.length > 0) tellAll();
    },
    setClass: (name, wish) => {
      if (wish === undefined && !wishes.has(name)) return;
      if (wish === undefined) wishes.delete(name);
      else wishes.set(name, wish);
      groups = [...new Map(Array.from(wishes.values(), (one) => [longhornGroup(one), one])).values()];
      tellAll();
    },
  };
}
