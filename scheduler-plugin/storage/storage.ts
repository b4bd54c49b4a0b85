import { isRemote } from './drivers.ts';
import type { Attachment, Attachments } from './attachments.ts';
import type { CsiNodes } from './csi-nodes.ts';
import { createPools, type GroupRoom, HOLD_MS, type PlacedClaim, type Pools, type ToldRoom } from './pools.ts';
import { createTopology, NAME_KEY, type Topology } from './topology.ts';
import { type CapacityFacts, type ClaimFacts, type ClassFacts, type VolumeFacts } from './volume-facts.ts';

/** What tells where a driver's volumes have copies, as long as its source can be relied on. */
export interface Locator {
  /** Nodes with all data of the volume of that handle; undefined = it is not known. */
  readonly nodes: (handle: string) => readonly string[] | undefined;
  readonly isFresh: () => boolean;
  /** Grows with every change of `nodes`. */
  readonly version: () => number;
}

/** What a Node object tells. */
export interface NodeStorage {
  /** As `key=value`. */
  readonly labels: readonly string[];
  /** By TopoLVM device class. */
  readonly topolvm: readonly GroupRoom[];
}

/** Everything known of claims, volumes, classes and pools. Sources put it in as it changes; it has identity because all requests look at the same. */
export interface StorageBooks {
  readonly pools: Pools;
  setClaim(key: string, claim: ClaimFacts | undefined): void;
  setVolume(volume: VolumeFacts | undefined): void;
  setClass(name: string, facts: ClassFacts | undefined): void;
  setCapacity(key: string, facts: CapacityFacts | undefined): void;
  /** undefined = the node is gone. */
  setNode(name: string, facts: NodeStorage | undefined): void;
  /** All room that a driver's own agent tells of the node; a group that is not in the list tells nothing any more. */
  setNodeRooms(driver: string, node: string, rooms: readonly GroupRoom[]): void;
  claim(key: string): ClaimFacts | undefined;
  volume(name: string): VolumeFacts | undefined;
  storageClass(name: string): ClassFacts | undefined;
  /** Nodes that have all data of a volume; undefined = nobody tells, or no node is nearer than another. */
  nodesOf(volume: VolumeFacts): ReadonlySet<string> | undefined;
  /** Nodes that a PersistentVolume can be used on; undefined = any, or nobody knows it. */
  usableOn(name: string): ReadonlySet<string> | undefined;
  /** Grows with every change but of what pools promise to VMs, which is read anew for each node. */
  version(): number;
  /** Nodes that the volume is attached to now. */
  attachedTo(name: string): readonly string[];
  readonly csiNodes: StorageBooksOptions['csiNodes'];
  /** All that is attached to the node, or to be. */
  attachmentsOn(node: string): readonly Attachment[];
  readonly claimsOn: StorageBooksOptions['claimsOn'];
}

export interface StorageBooksOptions {
  readonly now: () => number;
  /** By key, what the claims' source has. */
  readonly claim: (key: string) => ClaimFacts | undefined;
  readonly volume: (name: string) => VolumeFacts | undefined;
  /** By CSI driver. */
  readonly locators: ReadonlyMap<string, Locator>;
  readonly attachments: Pick<Attachments, 'nodes' | 'on'>;
  /** Keys of the claims of VMs on the node, but of the VM with that UID. */
  readonly claimsOn: (node: string, uid: string) => readonly string[];
  /** As long as CSINodes can be relied on; else nothing runs anywhere. */
  readonly csiNodes: Pick<CsiNodes, 'runs' | 'on'>;
}

/** Empty books. */
export function createStorageBooks(options: StorageBooksOptions): StorageBooks {
  const topology = createTopology();
  const pools = createPools(topology);
  const empty = { open: new Map(), early: new Map(), classes: new Map(), capacities: new Map(), nodeRooms: new Map() };
  const facts: Facts = { ...options, ...empty, pools };
  const locators = [...options.locators.values()];
  let version = 0;
  const changing =
    <A extends readonly unknown[]>(change: (...args: A) => void) =>
    (...args: A): void => {
      version += 1;
      change(...args);
    };
  return {
    pools,
    setClaim: changing((key, claim) => setClaim(facts, key, claim)),
    setVolume: changing((volume) => setVolume(facts, volume)),
    setClass: changing((name, one) => setClass(facts, name, one)),
    setCapacity: changing((key, capacity) => {
      put(facts.capacities, key, capacity);
      pools.tell(key, roomOf(facts, capacity));
    }),
    setNode: changing((name, node) => {
      topology.setNode(name, node?.labels);
      setNodeRooms(facts, { driver: 'topolvm', node: name }, node?.topolvm ?? []);
    }),
    setNodeRooms: changing((driver, node, rooms) => setNodeRooms(facts, { driver, node }, rooms)),
    ...lookups(options, topology),
    storageClass: (name) => facts.classes.get(name),
    version: () => locators.reduce((sum, one) => sum + one.version(), version),
  };
}

/** What others keep. */
function lookups(
  { claim, volume, locators, attachments, csiNodes, claimsOn }: StorageBooksOptions,
  topology: Topology,
): Pick<StorageBooks, 'claim' | 'volume' | 'nodesOf' | 'usableOn' | 'attachedTo' | 'attachmentsOn' | 'claimsOn' | 'csiNodes'> {
  return {
    claim,
    volume,
    csiNodes,
    claimsOn,
    nodesOf: (one) => nodesOf(one, topology, locators),
    usableOn: (name) => {
      const where = volume(name)?.where;
      return where === undefined ? undefined : topology.nodes(where);
    },
    attachedTo: (name) => attachments.nodes(name),
    attachmentsOn: (node) => attachments.on(node),
  };
}

interface Facts extends Pick<StorageBooksOptions, 'now' | 'claim' | 'volume'> {
  readonly pools: Pools;
  /** Claims that are not bound. */
  readonly open: Map<string, ClaimFacts>;
  /** By key of their claim, volumes just made of a class that is not known yet. */
  readonly early: Map<string, VolumeFacts>;
  readonly classes: Map<string, ClassFacts>;
  readonly capacities: Map<string, CapacityFacts>;
  /** By driver and node, the groups its agent tells of. */
  readonly nodeRooms: Map<string, readonly string[]>;
}

function put<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/** Room by the group of its class; a class that is not known yet is a group of its own. */
function roomOf({ classes }: Facts, capacity: CapacityFacts | undefined): ToldRoom | undefined {
  if (capacity === undefined) return undefined;
  const group = classes.get(capacity.storageClass)?.group ?? `class/${capacity.storageClass}`;
  return { group, nodes: capacity.nodes, bytes: capacity.bytes };
}

function setNodeRooms(
  { nodeRooms, pools }: Facts,
  { driver, node }: { driver: string; node: string },
  rooms: readonly GroupRoom[],
): void {
  const key = `${driver}/${node}`;
  const groups = rooms.map(({ group }) => group);
  const nodes = [{ key: NAME_KEY, operator: 'In' as const, values: [node] }];
  for (const group of nodeRooms.get(key) ?? []) if (!groups.includes(group)) pools.tell(`${key}/${group}`, undefined);
  for (const room of rooms) pools.tell(`${key}/${room.group}`, { ...room, nodes });
  put(nodeRooms, key, groups.length > 0 ? groups : undefined);
}

function setClass(facts: Facts, name: string, one: ClassFacts | undefined): void {
  const { classes, capacities, open, early, pools } = facts;
  put(classes, name, one);
  for (const [key, capacity] of capacities) if (capacity.storageClass === name) pools.tell(key, roomOf(facts, capacity));
  for (const [key, claim] of open) if (claim.storageClass === name) setClaim(facts, key, claim);
  for (const volume of [...early.values()]) setVolume(facts, volume);
}

function setClaim(facts: Facts, key: string, claim: ClaimFacts | undefined): void {
  const { open, pools } = facts;
  if (claim?.volume === '') {
    open.set(key, claim);
    pools.place(key, placeOf(facts, claim));
    return;
  }
  open.delete(key);
  facts.early.delete(key);
  if (claim === undefined) pools.place(key, undefined);
  else setBound(facts, key, claim);
}

function placeOf({ classes }: Facts, { storageClass, selectedNode, bytes }: ClaimFacts): PlacedClaim | undefined {
  const one = classes.get(storageClass);
  return one?.waits === true && selectedNode !== '' ? { group: one.group, node: selectedNode, bytes } : undefined;
}

/** A volume that is this old was not made for a claim that is bound just now. Generous, because clocks differ. */
const OLD_MS = 10 * 60_000;

/** A claim under way goes on counting until its volume is out of its pool's room; so does one bound shortly before we started. */
function setBound(facts: Facts, key: string, claim: ClaimFacts): void {
  const { pools, now } = facts;
  const volume = facts.volume(claim.volume);
  if (pools.has(key)) {
    if (volume !== undefined && now() - volume.createdAt > OLD_MS) pools.forget(key);
    else pools.bound(key, now());
    return;
  }
  if (volume?.claim === key) holdNew(facts, volume, claim);
}

function holdNew(facts: Facts, volume: VolumeFacts, claim: ClaimFacts): void {
  const { createdAt, bytes, claim: key } = volume;
  facts.early.delete(key);
  if (facts.now() - createdAt >= HOLD_MS) return;
  if (claim.storageClass !== '' && !facts.classes.has(claim.storageClass)) facts.early.set(key, volume);
  const place = placeOf(facts, { ...claim, bytes });
  if (place === undefined) return;
  facts.pools.place(key, place);
  facts.pools.bound(key, createdAt);
}

/** Claims and volumes come by watches of their own, in any order. */
function setVolume(facts: Facts, volume: VolumeFacts | undefined): void {
  if (volume === undefined || volume.claim === '' || facts.pools.has(volume.claim)) return;
  const claim = facts.claim(volume.claim);
  if (claim !== undefined && claim.volume !== '') holdNew(facts, volume, claim);
}

function nodesOf(
  { driver, handle, where }: VolumeFacts,
  topology: Topology,
  locators: StorageBooksOptions['locators'],
): ReadonlySet<string> | undefined {
  if (isRemote(driver)) return undefined;
  const locator = locators.get(driver);
  const copies = locator?.isFresh() === true ? locator.nodes(handle) : undefined;
  if (copies !== undefined) return new Set(copies);
  return where === undefined ? undefined : topology.nodes(where);
}
