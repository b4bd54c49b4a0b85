import { type KubeObject, nameOf } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import { isFresh, type Source, sourceOf } from '../sources/source.ts';
import { openebsRooms } from './drivers.ts';
import type { SourceParts } from './locators.ts';
import { isLonghornSetting, type LonghornNode, longhornNode } from './longhorn-nodes.ts';
import { createLonghornRooms, type LonghornRooms } from './longhorn-rooms.ts';
import type { GroupRoom } from './pools.ts';
import { createRoomGate, type RoomGate } from './room-gate.ts';
import type { StorageBooks } from './storage.ts';

/** What drivers' own objects tell of room on nodes; all of them are named as their node. */
export interface RoomSources {
  readonly sources: readonly Source[];
  readonly longhorn: Pick<LonghornRooms, 'setClass'>;
  /** Takes back what was told by a source that has been silent for too long, until it speaks again. */
  refresh(): void;
}

/** Follows the objects of the drivers that are installed. */
export function createRoomSources(parts: SourceParts, tell: StorageBooks['setNodeRooms']): RoomSources {
  const openebsGate = createRoomGate((node, rooms) => tell('openebs', node, rooms));
  const longhornGate = createRoomGate((node, rooms) => tell('longhorn', node, rooms));
  const longhorn = createLonghornRooms(longhornGate.set);
  const openebsSource = sourceOf('openebs-nodes', openebsWatch(parts, openebsGate.set));
  const longhornWatches = [longhornNodeWatch(parts, longhorn), longhornSettingWatch(parts, longhorn)];
  const longhornSource = sourceOf('longhorn-nodes', ...longhornWatches);
  return {
    longhorn,
    sources: [openebsSource, longhornSource],
    refresh: () => {
      openebsGate.setFresh(isFresh(openebsSource, parts.clock.now()));
      longhornGate.setFresh(isFresh(longhornSource, parts.clock.now()));
    },
  };
}

/** Volume groups of OpenEBS's nodes. */
function openebsWatch(parts: SourceParts, tell: RoomGate['set']): Reflector<readonly GroupRoom[]> {
  return createReflector({
    ...parts,
    path: pathOf(KINDS.openebsNodes),
    mayBeAbsent: true,
    keep: (raw) => openebsRooms(raw),
    onChange: (key, rooms = []) => tell(nameOf(key), rooms),
  });
}

function longhornNodeWatch(parts: SourceParts, longhorn: LonghornRooms): Reflector<LonghornNode> {
  return createReflector({
    ...parts,
    path: pathOf(KINDS.longhornNodes),
    mayBeAbsent: true,
    keep: (raw) => longhornNode(raw),
    onChange: (key, node) => longhorn.setNode(nameOf(key), node),
  });
}

function longhornSettingWatch(parts: SourceParts, longhorn: LonghornRooms): Reflector<string> {
  return createReflector({
    ...parts,
    path: pathOf(KINDS.longhornSettings),
    mayBeAbsent: true,
    keep: ({ metadata: { name }, value }: KubeObject & { readonly value?: unknown }) =>
      isLonghornSetting(name) && typeof value === 'string' ? value : undefined,
    onChange: (key, value) => longhorn.setSetting(nameOf(key), value),
  });
}
