import { isRecord } from '../../runtime/record.ts';
import type { GroupRoom } from './pools.ts';

/**
 * Room for Longhorn volumes that have their one replica on the VM's node (`dataLocality: strict-local`), as Longhorn itself judges it: fields and rules of
 * longhorn-manager 1.10.0 (scheduler/replica_scheduler.go: ListSchedulableNodes, FindDiskCandidates, filterNodeDisksForReplica, IsSchedulableToDisk). What it
 * publishes as CSIStorageCapacity (csi/controller_server.go, since 1.10) leaves out what is scheduled and its settings.
 */

/** CSI driver of Longhorn. */
export const LONGHORN_DRIVER = 'driver.longhorn.io';

/** What a StorageClass asks of the disk that its volumes are on. */
export interface LonghornWish {
  readonly engine: string;
  /** Each must be a tag of the node; sorted. */
  readonly nodeTags: readonly string[];
  /** Each must be a tag of the disk; sorted. */
  readonly diskTags: readonly string[];
}

/** Of a class' parameters; undefined = replicas may be on other nodes than the VM. */
export function longhornWish({ dataLocality, dataEngine = 'v1', nodeSelector = '', diskSelector = '' }: Readonly<Record<string, string>>): LonghornWish | undefined {
  if (dataLocality !== 'strict-local') return undefined;
  return { engine: dataEngine, nodeTags: tagsOf(nodeSelector), diskTags: tagsOf(diskSelector) };
} // prettier-ignore

function tagsOf(selector: string): readonly string[] {
  return selector
    .split(',')
    .filter((tag) => tag !== '')
    .sort();
}

/** Group of classes that ask for the same. */
export function longhornGroup({ engine, nodeTags, diskTags }: LonghornWish): string {
  return `${LONGHORN_DRIVER}/${engine}/${nodeTags.join(',')}/${diskTags.join(',')}`;
}

/** A disk that replicas may be put on; bytes. */
interface Disk {
  readonly engine: string;
  readonly tags: readonly string[];
  readonly maximum: number;
  readonly available: number;
  readonly reserved: number;
  /** Sum of the sizes of the replicas on it. */
  readonly scheduled: number;
}

/** What is kept of a Longhorn Node. */
export interface LonghornNode {
  readonly tags: readonly string[];
  /** None while no replica may be put on the node. */
  readonly disks: readonly Disk[];
}

type Raw = { readonly [field: string]: unknown };
/** A Longhorn Node (longhorn.io/v1beta2) as far as it is read. */
export interface LonghornNodeObject {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec?: Raw;
  readonly status?: Raw;
}

/** Reads a Longhorn Node. Total. */
export function longhornNode({ metadata, spec = {}, status = {} }: LonghornNodeObject): LonghornNode {
  const specs = recordOf(spec['disks']);
  const isOpen =
    metadata.deletionTimestamp === undefined && mayTake(spec) && isTrue(status, 'Ready') && isTrue(status, 'Schedulable');
  const disks = isOpen ? Object.entries(recordOf(status['diskStatus'])) : [];
  return { tags: textsOf(spec['tags']), disks: disks.flatMap(([name, disk]) => diskOf(recordOf(specs[name]), recordOf(disk))) };
}

function diskOf(spec: Raw, status: Raw): readonly Disk[] {
  if (!mayTake(spec) || !isTrue(status, 'Schedulable')) return [];
  return [
    {
      engine: spec['diskType'] === 'block' ? 'v2' : 'v1',
      tags: textsOf(spec['tags']),
      maximum: bytes(status['storageMaximum']),
      available: bytes(status['storageAvailable']),
      reserved: bytes(spec['storageReserved']),
      scheduled: bytes(status['storageScheduled']),
    },
  ];
}

function mayTake(spec: Raw): boolean {
  return spec['allowScheduling'] === true && spec['evictionRequested'] !== true;
}

function isTrue({ conditions }: Raw, type: string): boolean {
  const list: readonly unknown[] = Array.isArray(conditions) ? conditions : [];
  return list.map(recordOf).some((one) => one['type'] === type && one['status'] === 'True');
}

function recordOf(value: unknown): Raw {
  return isRecord(value) ? value : {};
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function bytes(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}

/** Settings of Longhorn that say how full a disk may be. */
export interface LonghornSettings {
  readonly overProvisioning: number;
  readonly minimalAvailable: number;
  /** Whether volumes without a selector may be on nodes, or disks, that have tags. */
  readonly emptyNodeSelector: boolean;
  readonly emptyDiskSelector: boolean;
}

/** Names of the Settings, and Longhorn's defaults (types/setting.go). Percentages are of the disk. */
const SETTINGS = {
  overProvisioning: 'storage-over-provisioning-percentage',
  minimalAvailable: 'storage-minimal-available-percentage',
  emptyNodeSelector: 'allow-empty-node-selector-volume',
  emptyDiskSelector: 'allow-empty-disk-selector-volume',
} as const satisfies Record<keyof LonghornSettings, string>;

/** Whether it is one that is read. */
export function isLonghornSetting(name: string): boolean {
  return Object.values<string>(SETTINGS).includes(name);
}

/** Of what Settings say, by name. */
export function longhornSettings(values: ReadonlyMap<string, string>): LonghornSettings {
  const percent = (name: string, fallback: number): number => {
    const value = values.get(name) ?? '';
    return /^\d+$/.test(value) ? Number(value) : fallback;
  };
  return {
    overProvisioning: percent(SETTINGS.overProvisioning, 100),
    minimalAvailable: percent(SETTINGS.minimalAvailable, 25),
    emptyNodeSelector: values.get(SETTINGS.emptyNodeSelector) !== 'false',
    emptyDiskSelector: values.get(SETTINGS.emptyDiskSelector) !== 'false',
  };
}

/** Room on a node for volumes of the wish: that of the one disk with most, as a replica is on one. */
export function longhornRoom({ tags, disks }: LonghornNode, wish: LonghornWish, settings: LonghornSettings): GroupRoom {
  const group = longhornGroup(wish);
  if (!fits(tags, wish.nodeTags, settings.emptyNodeSelector)) return { group, bytes: 0 };
  const some = disks.filter((disk) => disk.engine === wish.engine && fits(disk.tags, wish.diskTags, settings.emptyDiskSelector));
  return { group, bytes: Math.max(0, ...some.map((disk) => roomOf(disk, settings))) };
}

/** types.IsSelectorsInTags */
function fits(tags: readonly string[], wanted: readonly string[], emptyMatches: boolean): boolean {
  if (wanted.length === 0) return emptyMatches || tags.length === 0;
  return wanted.every((tag) => tags.includes(tag));
}

/** IsSchedulableToDisk for a volume that has nothing written yet. */
function roomOf({ maximum, available, reserved, scheduled }: Disk, settings: LonghornSettings): number {
  if (available <= Math.floor((maximum * settings.minimalAvailable) / 100)) return 0;
  return Math.floor(((maximum - reserved) * settings.overProvisioning) / 100) - scheduled;
}
