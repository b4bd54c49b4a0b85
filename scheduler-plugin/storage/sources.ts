import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import { isFresh, type Source, sourceOf } from '../sources/source.ts';
import { createCopies } from './copies.ts';
import { type CsiNodeObject, type CsiNodes, createCsiNodeReader, createCsiNodes, type NodeDrivers } from './csi-nodes.ts';
import { copyWatch, createLocators, type LinstorAccess, type SourceParts } from './locators.ts';
import { attachment, openebsRooms } from './drivers.ts';
import { type GroupRoom, HOLD_MS } from './pools.ts';
import { createStorageBooks, type StorageBooks } from './storage.ts';
import * as read from './volume-facts.ts';

/** What is known of storage, and what tells it. */
export interface StorageSources {
  readonly books: StorageBooks;
  /** Without these a VM with disks cannot be placed: nothing is answered before they were read. */
  readonly required: readonly Source[];
  /** These tell where data is, and may be missing. */
  readonly optional: readonly Source[];
}

/** One watch for each kind of object, one poll for LINSTOR. */
export function createStorageSources(parts: SourceParts, linstor?: LinstorAccess): StorageSources {
  const attachments = createCopies();
  const csiNodes = createCsiNodes();
  const csiNodeSource = sourceOf('csinodes', csiNodeWatch(parts, csiNodes));
  const { locators, sources } = createLocators(parts, linstor);
  const claims: Reflector<read.ClaimFacts> = claimWatch(parts, (key, claim) => books.setClaim(key, claim));
  const volumes: Reflector<read.VolumeFacts> = volumeWatch(parts, (volume) => books.setVolume(volume));
  const books = createStorageBooks({
    now: () => parts.clock.now(),
    claim: (key) => claims.get(key),
    volume: (name) => volumes.get(name),
    locators,
    attachments,
    csiNodes: { ...csiNodes, runs: (driver) => isFresh(csiNodeSource, parts.clock.now()) && csiNodes.runs(driver) },
  });
  return {
    books,
    required: [
      sourceOf('persistentvolumeclaims', claims),
      sourceOf('persistentvolumes', volumes),
      sourceOf('storageclasses', classWatch(parts, books)),
      sourceOf('csistoragecapacities', capacityWatch(parts, books)),
    ],
    optional: [
      csiNodeSource,
      sourceOf('volumeattachments', copyWatch(parts, 'volumeAttachments', { read: attachment, copies: attachments })),
      sourceOf('openebs-nodes', openebsRoomWatch(parts, books)),
      ...sources,
    ],
  };
}

function claimWatch(parts: SourceParts, onChange: StorageBooks['setClaim']): Reflector<read.ClaimFacts> {
  const readClaim = read.createClaimReader();
  return createReflector({ ...parts, path: pathOf(KINDS.claims), keep: (raw) => readClaim(raw as read.ClaimObject), onChange });
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

function classWatch(parts: SourceParts, books: StorageBooks): Reflector<read.ClassFacts> {
  return createReflector({
    ...parts,
    path: pathOf(KINDS.storageClasses),
    keep: (raw) => read.classFacts(raw as read.ClassObject),
    onChange: (name, facts) => books.setClass(name, facts),
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

/** Volume groups of OpenEBS's nodes; the object is named as its node. */
function openebsRoomWatch(parts: SourceParts, books: StorageBooks): Reflector<readonly GroupRoom[]> {
  return createReflector({
    ...parts,
    path: pathOf(KINDS.openebsNodes),
    mayBeAbsent: true,
    keep: (raw) => openebsRooms(raw),
    onChange: (key, rooms = []) => books.setNodeRooms('openebs', key.slice(key.lastIndexOf('/') + 1), rooms),
  });
}
