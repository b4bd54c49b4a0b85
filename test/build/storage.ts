import { askOf, type StorageAsk } from '../../scheduler-plugin/storage/ask.ts';
import { createAttachments, type Attachments } from '../../scheduler-plugin/storage/attachments.ts';
import { type CsiNodeObject, createCsiNodeReader, createCsiNodes } from '../../scheduler-plugin/storage/csi-nodes.ts';
import { createStorageBooks, type Locator, type StorageBooks } from '../../scheduler-plugin/storage/storage.ts';
import * as read from '../../scheduler-plugin/storage/volume-facts.ts';

export const GIB = 2 ** 30;
/** The time at which nothing has happened yet. */
export const START = Date.UTC(2026, 10, 21, 20);

/** The storage of a cluster, as its objects tell it, without a watch between: what is put in is known at once. */
export interface StorageRig {
  readonly books: StorageBooks;
  readonly attachments: Attachments;
  /** A VM that runs on a node has these claims. */
  vm(uid: string, node: string, ...claims: readonly string[]): void;
  /** Moves the clock. */
  wait(ms: number): void;
  node(name: string, labels?: Record<string, string>): void;
  storageClass(name: string, fields?: Partial<read.ClassObject>): void;
  /** A CSIStorageCapacity of nodes with `topology.example.com/node: NODE`, or another label of that value. */
  capacity(storageClass: string, node: string, gib: number, label?: string): void;
  /** The CSINode of a node: by CSI driver the most volumes it attaches, null = it names no limit; null = it is gone. */
  csiNode(node: string, drivers: Readonly<Record<string, number | null>> | null): void;
  claim(name: string, fields?: { gib?: number; storageClass?: string; on?: string; volume?: string; mode?: string } | null): void;
  volume(name: string, fields?: Partial<NonNullable<read.VolumeObject['spec']>> & { claim?: string; age?: number }): void;
}

/** By default one class, `fast`, that waits for its first consumer. */
export function storageRig(locators: ReadonlyMap<string, Locator> = new Map()): StorageRig {
  let now = START;
  const claims = new Map<string, read.ClaimFacts>();
  const volumes = new Map<string, read.VolumeFacts>();
  const attachments = createAttachments();
  const vms: { readonly uid: string; readonly node: string; readonly keys: readonly string[] }[] = [];
  const claimsOn = (node: string, uid: string) => vms.flatMap((vm) => (vm.node === node && vm.uid !== uid ? vm.keys : []));
  const csiNodes = createCsiNodes();
  const get = { claim: (key: string) => claims.get(key), volume: (name: string) => volumes.get(name) };
  const books = createStorageBooks({ now: () => now, ...get, locators, attachments, claimsOn, csiNodes });
  const readClaim = read.createClaimReader();
  const readVolume = read.createVolumeReader((createdAt) => now - createdAt < 70_000);
  const readCsiNode = createCsiNodeReader();
  const readCapacity = read.createCapacityReader();
  const rig: StorageRig = {
    books,
    attachments,
    vm: (uid, node, ...names) => void vms.push({ uid, node, keys: names.map((name) => `default/${name}`) }),
    wait: (ms) => void (now += ms),
    node: (name, labels = {}) => {
      const all = { 'topology.example.com/node': name, 'kubernetes.io/hostname': name, ...labels };
      books.setNode(name, { labels: Object.entries(all).map(([key, value]) => `${key}=${value}`), topolvm: [] });
    },
    storageClass: (name, fields = {}) => {
      const one = { metadata: { name }, provisioner: 'csi.example.com', volumeBindingMode: 'WaitForFirstConsumer', ...fields };
      books.setClass(name, read.classFacts(one));
    },
    capacity: (storageClassName, node, gib, label = 'topology.example.com/node') => {
      const nodeTopology = { matchLabels: { [label]: node } };
      books.setCapacity(`${storageClassName}/${node}`, readCapacity({ storageClassName, nodeTopology, capacity: `${gib}Gi` }));
    },
    csiNode: (node, drivers) => csiNodes.set(node, drivers === null ? undefined : readCsiNode(csiNodeObject(drivers))),
    claim: (name, fields = {}) => {
      const key = `default/${name}`;
      const facts = fields === null ? undefined : readClaim(claimObject(fields));
      if (facts === undefined) claims.delete(key);
      else claims.set(key, facts);
      books.setClaim(key, facts);
    },
    volume: (name, { claim, age = 0, ...spec } = {}) => {
      const claimRef = claim === undefined ? {} : { claimRef: { namespace: 'default', name: claim } };
      const creationTimestamp = new Date(now - age).toISOString();
      const one = { capacity: { storage: '3Gi' }, volumeMode: 'Block', storageClassName: 'fast', ...claimRef, ...spec };
      const facts = readVolume({ metadata: { name, creationTimestamp }, spec: one }, false);
      if (facts !== undefined) volumes.set(name, facts);
      books.setVolume(facts);
    },
  };
  rig.storageClass('fast');
  return rig;
}

/** A VM with these claims of 3 GiB each, all known and without a node. */
export function ask(rig: StorageRig, uid: string, ...names: readonly string[]): StorageAsk {
  return askOf({ uid, volumeClaims: names.map((name) => `default/${name}`) }, rig.books)!;
}
/** Why node `a` cannot take them. */
export const reason = (rig: StorageRig, uid: string, ...names: readonly string[]): string =>
  ask(rig, uid, ...names).poolReason('a');

/** A node with a pool of 10 GiB, and claims of 3 GiB that nobody has used yet. */
export function pool(): StorageRig {
  const rig = storageRig();
  rig.node('a');
  rig.node('b');
  rig.capacity('fast', 'a', 10);
  for (const name of ['one', 'two', 'three', 'four', 'five']) rig.claim(name);
  return rig;
}

function csiNodeObject(limits: Readonly<Record<string, number | null>>): CsiNodeObject {
  const drivers = Object.entries(limits).map(([name, count]) => {
    return { name, nodeID: 'id', topologyKeys: null, ...(count === null ? {} : { allocatable: { count } }) };
  });
  return { spec: { drivers } };
}

interface ClaimFields {
  readonly gib?: number;
  readonly storageClass?: string;
  readonly on?: string;
  readonly volume?: string;
  readonly mode?: string;
}

function claimObject({ gib = 3, storageClass = 'fast', on, volume, mode = 'Block' }: ClaimFields): read.ClaimObject {
  return {
    metadata: { annotations: on === undefined ? {} : { 'volume.kubernetes.io/selected-node': on } },
    spec: {
      storageClassName: storageClass,
      volumeMode: mode,
      resources: { requests: { storage: `${gib}Gi` } },
      ...(volume === undefined ? {} : { volumeName: volume }),
    },
  };
}
