import type { Copy } from './copies.ts';
import type { GroupRoom } from './pools.ts';
import { bytesOf, openebsGroup, topolvmGroup } from './volume-facts.ts';

/**
 * What objects of storage drivers tell of where data is. A reader gives undefined for an object that tells nothing. Fields as of Longhorn
 * v1beta2, TopoLVM v1 and OpenEBS LVM v1alpha1.
 */

type Raw = { readonly [field: string]: unknown };
interface DriverObject {
  readonly metadata: { readonly name: string };
  readonly spec?: Raw;
  readonly status?: Raw;
  readonly volumeGroups?: readonly Raw[];
}

/** CSI drivers whose volumes every node reaches over the network alike: no node has their data. */
export function isRemote(driver: string): boolean {
  return REMOTE.includes(driver) || REMOTE_SUFFIXES.some((suffix) => driver.endsWith(suffix));
}
const REMOTE = [
  'nfs',
  'rbd',
  'cephfs',
  'iscsi',
  'fc',
  'nfs.csi.k8s.io',
  'smb.csi.k8s.io',
  'efs.csi.aws.com',
  'file.csi.azure.com',
];
/** Rook prepends its namespace. */
const REMOTE_SUFFIXES = ['rbd.csi.ceph.com', 'cephfs.csi.ceph.com', 'nfs.csi.ceph.com'];

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** A Longhorn Replica. One that was never healthy, or failed since, is no copy. */
export function longhornReplica({ spec = {}, metadata }: DriverObject): Copy | undefined {
  const volume = text(spec['volumeName']);
  if (volume === '' || metadata.name === '') return undefined;
  const usable = text(spec['healthyAt']) !== '' && text(spec['failedAt']) === '' && spec['active'] !== false;
  return { volume, node: usable ? text(spec['nodeID']) : '' };
}

/** Whether a Longhorn Volume is in shards over nodes, so that no node has all of it; undefined = it is not. 1.10 does not know the field and keeps none. */
export function longhornSharded({ spec = {} }: DriverObject): true | undefined {
  return /shard|erasure/i.test(text(spec['dataLayout'])) ? true : undefined;
}

/** A TopoLVM LogicalVolume. It has a volume once its node's agent has made it. */
export function topolvmVolume({ spec = {}, status = {} }: DriverObject): Copy | undefined {
  const volume = text(status['volumeID']);
  return volume === '' ? undefined : { volume, node: text(spec['nodeName']) };
}

/** An OpenEBS LVMVolume; its name is the volume's handle. */
export function openebsVolume({ spec = {}, metadata }: DriverObject): Copy {
  return { volume: metadata.name, node: text(spec['ownerNodeID']) };
}

/** Free room by volume group, of an OpenEBS LVMNode. */
export function openebsRooms({ volumeGroups = [] }: DriverObject): readonly GroupRoom[] {
  return volumeGroups.map(({ name, free }) => ({ group: openebsGroup(text(name)), bytes: bytesOf(free) }));
}

/** Free room by TopoLVM device class, as its agent writes it on the Node. */
export function topolvmRooms(annotations: Readonly<Record<string, string>>): readonly GroupRoom[] {
  return Object.entries(annotations).flatMap(([key, value]) => {
    if (!key.startsWith(TOPOLVM_CAPACITY) || !/^\d+$/.test(value)) return [];
    const deviceClass = key.slice(TOPOLVM_CAPACITY.length);
    return [{ group: topolvmGroup(deviceClass === TOPOLVM_DEFAULT ? '' : deviceClass), bytes: Number(value) }];
  }); // prettier-ignore
}
const TOPOLVM_CAPACITY = 'capacity.topolvm.io/';
const TOPOLVM_DEFAULT = '00default';
