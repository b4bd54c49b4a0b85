import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import { type Followed, type FollowedSource, isFresh, type Source, sourceOf } from '../sources/source.ts';
import {
  type AttachmentObject,
  type Attachment,
  type Attachments,
  createAttachmentReader,
  createAttachments,
} from './attachments.ts';
import { type CsiNodeObject, type CsiNodes, createCsiNodeReader, createCsiNodes, type NodeDrivers } from './csi-nodes.ts';
import { createLocators, type LinstorAccess, type SourceParts } from './locators.ts';
import { HOLD_MS } from './pools.ts';
import { createRoomSources, type RoomSources } from './room-sources.ts';
import { createStorageBooks, type StorageBooks, type StorageBooksOptions } from './storage.ts';
import * as read from './volume-facts.ts';

/** What is known of storage, and what tells it. */
export interface StorageSources {
  readonly books: StorageBooks;
  /** Without these a VM with disks cannot be placed: nothing is answered before they were read. */
  readonly required: readonly FollowedSource[];
  /** These tell where data is, and may be missing. */
  readonly optional: readonly Source[];
  /** Takes back what a source told of room that has been silent for too long. */
  refresh(): void;
}

/** What the sources are made of. */
export interface StorageParts extends SourceParts {
  /** A driver told of room there, which the scheduler does not see. */
  readonly onNodeChange?: (node: string) => void;
}

/** One watch for each kind of object, one poll for LINSTOR. */
export function createStorageSources(
  parts: StorageParts,
  claimsOn: StorageBooksOptions['claimsOn'],
  linstor?: LinstorAccess,
): StorageSources {
  const attachments = createAttachments();
  const attachmentSource = sourceOf('volumeattachments', attachmentWatch(parts, attachments));
  const csiNodes = createCsiNodes();
  const csiNodeSource = sourceOf('csinodes', csiNodeWatch(parts, csiNodes));
  const tellRooms: StorageBooks['setNodeRooms'] = (driver, node, rooms) => {
    books.setNodeRooms(driver, node, rooms);
    parts.onNodeChange?.(node);
  };
  const { locators, sources } = createLocators(parts, (node, rooms) => tellRooms('linstor', node, rooms), linstor);
  const claims: Reflector<read.ClaimFacts> = claimWatch(parts, (key, claim) => books.setClaim(key, claim));
  const volumes: Reflector<read.VolumeFacts> = volumeWatch(parts, (volume) => books.setVolume(volume));
  const books = createStorageBooks({
    now: () => parts.clock.now(),
    claim: (key) => claims.get(key),
    volume: (name) => volumes.get(name),
    locators,
    attachments: { ...attachments, on: (node) => (isFresh(attachmentSource, parts.clock.now()) ? attachments.on(node) : []) },
    claimsOn,
    csiNodes: { ...csiNodes, runs: (driver) => isFresh(csiNodeSource, parts.clock.now()) && csiNodes.runs(driver) },
  });
  const rooms = createRoomSources(parts, tellRooms);
  return {
    books,
    refresh: () => rooms.refresh(),
    required: [
      sourceOf('persistentvolumeclaims', claims),
      sourceOf('persistentvolumes', startedAfter(claims, volumes)),
      sourceOf('storageclasses', classWatch(parts, books, rooms.longhorn)),
      sourceOf('csistoragecapacities', capacityWatch(parts, books)),
    ],
    optional: [csiNodeSource, attachmentSource, ...rooms.sources, ...sources],
  };
}

function claimWatch(parts: SourceParts, onChange: StorageBooks['setClaim']): Reflector<read.ClaimFacts> {
  const readClaim = read.createClaimReader();
  return createReflector({ ...parts, path: pathOf(KINDS.claims), keep: (raw) => readClaim(raw as read.ClaimObject), onChange });
}

/** So each claim that is bound in its own list has its volume in the other: what was just made is known before anything is answered. */
function startedAfter(first: Pick<Followed, 'whenSynced'>, one: Followed): Followed {
  let isStopped = false;
  const start = async (): Promise<void> => {
    await first.whenSynced();
    if (!isStopped) one.start();
  };
  const stop = async (): Promise<void> => {
    isStopped = true;
    await one.stop();
  };
  return { ...one, start: () => void start(), stop };
}

/** Volumes of file systems matter at the start alone: later, their claims were seen before they were bound. */
function volumeWatch(parts: SourceParts, onChange: StorageBooks['setVolume']): Reflector<read.VolumeFacts> {
  const isYoung = (createdAt: number): boolean => parts.clock.now() - createdAt < HOLD_MS;
  const readVolume = read.createVolumeReader(isYoung);
  const volumes: Reflector<read.VolumeFacts> = createReflector({
    ...parts,
    path: pathOf(KINDS.volumes),
    keep: (raw) => readVolume(raw as unknown as read.VolumeObject, volumes.synced()),
    onChange: (_name, volume) => onChange(volume),
  });
  return volumes;
}

function classWatch(parts: SourceParts, books: StorageBooks, longhorn: RoomSources['longhorn']): Reflector<read.ClassFacts> {
  return createReflector({
    ...parts,
    path: pathOf(KINDS.storageClasses),
    keep: (raw) => read.classFacts(raw as read.ClassObject),
    onChange: (name, facts) => {
      books.setClass(name, facts);
      longhorn.setClass(name, facts?.longhorn);
    },
  });
}

function capacityWatch(parts: SourceParts, books: StorageBooks): Reflector<read.CapacityFacts> {
  const readCapacity = read.createCapacityReader();
  return createReflector({
    ...parts,
    path: pathOf(KINDS.storageCapacities),
    mayBeAbsent: true,
    keep: (raw) => readCapacity(raw as read.CapacityObject),
    onChange: (key, facts) => books.setCapacity(key, facts),
  });
}

function attachmentWatch(parts: SourceParts, attachments: Attachments): Reflector<Attachment> {
  const readAttachment = createAttachmentReader();
  return createReflector({
    ...parts,
    path: pathOf(KINDS.volumeAttachments),
    mayBeAbsent: true,
    keep: (raw) => readAttachment(raw as AttachmentObject),
    onChange: (key, attachment) => attachments.set(key, attachment),
  });
}

function csiNodeWatch(parts: SourceParts, csiNodes: CsiNodes): Reflector<NodeDrivers> {
  const readNode = createCsiNodeReader();
  return createReflector({
    ...parts,
    path: pathOf(KINDS.csiNodes),
    mayBeAbsent: true,
    keep: (raw) => readNode(raw as CsiNodeObject),
    onChange: (node, drivers) => csiNodes.set(node, drivers),
  });
}
