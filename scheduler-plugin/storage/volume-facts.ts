import { parseQuantity } from '../../api/quantity.ts';
import { createShared } from '../placement/shared.ts';
import { LINSTOR_DRIVER, linstorGroup, linstorPool } from './linstor.ts';
import { LONGHORN_DRIVER, longhornGroup, longhornWish, type LonghornWish } from './longhorn-nodes.ts';
import { NAME_KEY, type Requirement, type Terms } from './topology.ts';

/** What is kept of a PersistentVolumeClaim. */
export interface ClaimFacts {
  /** '' = none. */
  readonly storageClass: string;
  /** Asked for. */
  readonly bytes: number;
  /** The PersistentVolume; '' while it is not bound; {@link NO_DISK} for a file system, on which no disk of a VM can be. */
  readonly volume: string;
  /** Where the scheduler decided that its volume is to be made; '' = not yet. */
  readonly selectedNode: string;
}

/** What is kept of a PersistentVolume. */
export interface VolumeFacts {
  /** CSI driver; `nfs`, `local` and such for one that is none. */
  readonly driver: string;
  /** `volumeHandle` of the driver. */
  readonly handle: string;
  readonly bytes: number;
  /** Nodes it can be used on; undefined = any. */
  readonly where: Terms | undefined;
  readonly storageClass: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Key of its claim; only of a volume that was new when it was read. */
  readonly claim: string;
}

/** What is kept of a StorageClass. */
export interface ClassFacts {
  readonly provisioner: string;
  /** WaitForFirstConsumer: its volumes are made where the scheduler says. */
  readonly waits: boolean;
  /** Classes of one group take from the same pools. */
  readonly group: string;
  /** Only of Longhorn's whose volumes are made on the VM's node. */
  readonly longhorn?: LonghornWish;
}

/** Stands for the volume of a bound claim that does not matter. */
export const NO_DISK = '-';

/** In bytes, rounded up; 0 = cannot be read. */
export function bytesOf(quantity: unknown): number {
  const parsed = parseQuantity(typeof quantity === 'number' ? String(quantity) : typeof quantity === 'string' ? quantity : '');
  return parsed.ok ? Math.max(0, Math.ceil(Number(parsed.value.nanos) / 1e9)) : 0;
}

/** A PersistentVolumeClaim as far as it is read. */
export interface ClaimObject {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly volumeMode?: string;
    readonly resources?: { readonly requests?: Readonly<Record<string, unknown>> };
  };
}

const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

/** Makes a reader of claims; what many have in common is there once in memory. While a claim is not bound it may take room, whatever it is. */
export function createClaimReader(): (claim: ClaimObject) => ClaimFacts {
  const names = createShared<string>();
  const fileSystems = createShared<ClaimFacts>();
  const shared = (name: string): string => names(name, () => name);
  return ({ metadata: { annotations = {} }, spec = {} }) => {
    const { volumeName = '', volumeMode, resources } = spec;
    const storageClass = shared(spec.storageClassName ?? '');
    const selectedNode = shared(annotations[SELECTED_NODE] ?? '');
    if (volumeName !== '' && volumeMode !== 'Block') {
      return fileSystems(`${storageClass}/${selectedNode}`, () => ({ storageClass, bytes: 0, volume: NO_DISK, selectedNode }));
    }
    return { storageClass, bytes: bytesOf(resources?.requests?.['storage']), volume: volumeName, selectedNode };
  };
}

interface SelectorTerm {
  readonly matchExpressions?: readonly RawRequirement[];
  readonly matchFields?: readonly RawRequirement[];
}
interface RawRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** A PersistentVolume as far as it is read. */
export interface VolumeObject {
  readonly metadata: { readonly name: string; readonly creationTimestamp?: string };
  readonly spec?: {
    readonly capacity?: Readonly<Record<string, unknown>>;
    readonly csi?: { readonly driver: string; readonly volumeHandle: string };
    readonly nodeAffinity?: { readonly required?: { readonly nodeSelectorTerms?: readonly SelectorTerm[] } };
    readonly claimRef?: { readonly namespace?: string; readonly name?: string };
    readonly storageClassName?: string;
    readonly volumeMode?: string;
    readonly [source: string]: unknown;
  };
}

/** Kinds of volumes that Kubernetes has itself and that are on a network: no node has them. */
const NETWORK_SOURCES = ['nfs', 'rbd', 'cephfs', 'iscsi', 'fc'];

/** undefined = the volume cannot matter. `later`: its claim was seen before it was bound. */
export type VolumeReader = (volume: VolumeObject, later: boolean) => VolumeFacts | undefined;

/** Makes a reader of volumes. `isYoung`: a volume made then may not be in its pool's capacity yet. */
export function createVolumeReader(isYoung: (createdAt: number) => boolean): VolumeReader {
  const names = createShared<string>();
  const terms = createShared<Terms>();
  const shared = (name: string): string => names(name, () => name);
  return ({ metadata, spec = {} }, later) => {
    const createdAt = timeOf(metadata.creationTimestamp);
    const young = !later && isYoung(createdAt);
    if (spec.volumeMode !== 'Block' && !young) return undefined;
    const raw = affinityOf(spec);
    const where = raw === undefined ? undefined : terms(JSON.stringify(raw), () => raw.map(requirements));
    const { driver, handle } = identityOf(metadata.name, spec);
    const storageClass = shared(spec.storageClassName ?? '');
    const bytes = bytesOf(spec.capacity?.['storage']);
    return { driver: shared(driver), handle, bytes, where, storageClass, createdAt, claim: young ? claimOf(spec) : '' };
  };
}

type VolumeSpec = NonNullable<VolumeObject['spec']>;

function identityOf(name: string, spec: VolumeSpec): Pick<VolumeFacts, 'driver' | 'handle'> {
  const { csi } = spec;
  if (csi === undefined) return { driver: NETWORK_SOURCES.find((source) => source in spec) ?? 'local', handle: name };
  // Most drivers name a volume as its object is named: one string for both.
  return { driver: csi.driver, handle: csi.volumeHandle === name ? name : csi.volumeHandle };
}

function timeOf(timestamp = ''): number {
  return Date.parse(timestamp) || 0;
}

function affinityOf({ nodeAffinity }: VolumeSpec): readonly SelectorTerm[] | undefined {
  return nodeAffinity?.required?.nodeSelectorTerms;
}

function claimOf({ claimRef }: VolumeSpec): string {
  return claimRef === undefined ? '' : `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}`;
}

function requirements({ matchExpressions = [], matchFields = [] }: SelectorTerm): readonly Requirement[] {
  // The one field a node selector may name.
  const fields = matchFields.map((one) => ({ ...one, key: NAME_KEY }));
  // Kubernetes: a term without requirements matches nothing.
  const all = [...matchExpressions, ...fields];
  return all.length === 0 ? [{ key: NAME_KEY, operator: 'DoesNotExist', values: [] }] : all.map(requirement);
}

function requirement({ key, operator, values = [] }: RawRequirement): Requirement {
  return { key, operator, values };
}

/** A StorageClass as far as it is read. */
export interface ClassObject {
  readonly metadata: { readonly name: string };
  readonly provisioner?: string;
  readonly volumeBindingMode?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** Reads a StorageClass. */
export function classFacts({
  metadata: { name },
  provisioner = '',
  volumeBindingMode,
  parameters = {},
}: ClassObject): ClassFacts {
  const waits = volumeBindingMode === 'WaitForFirstConsumer';
  const longhorn = waits && provisioner === LONGHORN_DRIVER ? longhornWish(parameters) : undefined;
  if (longhorn !== undefined) return { provisioner, waits, group: longhornGroup(longhorn), longhorn };
  const pool = waits && provisioner === LINSTOR_DRIVER ? linstorPool(parameters) : undefined;
  if (pool !== undefined) return { provisioner, waits, group: linstorGroup(pool) };
  return { provisioner, waits, group: groupOf(name, provisioner, parameters) };
}

/** Group of a TopoLVM device class; '' = its default. */
export const topolvmGroup = (deviceClass: string): string => `topolvm.io/${deviceClass}`;
/** Group of an OpenEBS volume group. */
export const openebsGroup = (volumeGroup: string): string => `local.csi.openebs.io/${volumeGroup}`;

function groupOf(name: string, provisioner: string, parameters: Readonly<Record<string, string>>): string {
  const { volgroup, thinProvision } = parameters;
  if (provisioner === 'topolvm.io') return topolvmGroup(parameters['topolvm.io/device-class'] ?? '');
  // A thin volume takes nothing of its group when it is made.
  if (provisioner === 'local.csi.openebs.io' && volgroup !== undefined && thinProvision !== 'yes') return openebsGroup(volgroup);
  return `class/${name}`;
}

/** A CSIStorageCapacity as far as it is read. */
export interface CapacityObject {
  readonly storageClassName?: string;
  readonly capacity?: unknown;
  readonly nodeTopology?: {
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly RawRequirement[];
  };
}

/** What is kept of a CSIStorageCapacity. */
export interface CapacityFacts {
  readonly storageClass: string;
  readonly bytes: number;
  /** Nodes that can use it. */
  readonly nodes: readonly Requirement[];
}

/** Makes a reader of capacities; undefined = it tells nothing (no figure yet, or reached from nowhere). */
export function createCapacityReader(): (object: CapacityObject) => CapacityFacts | undefined {
  const names = createShared<string>();
  return ({ storageClassName = '', capacity, nodeTopology }) => {
    if (capacity === undefined || nodeTopology === undefined) return undefined;
    const { matchLabels = {}, matchExpressions = [] } = nodeTopology;
    const labels = Object.entries(matchLabels).map(([key, value]) => ({
      key: names(key, () => key),
      operator: 'In',
      values: [value],
    }));
    const storageClass = names(storageClassName, () => storageClassName);
    return { storageClass, bytes: bytesOf(capacity), nodes: [...labels, ...matchExpressions.map(requirement)] };
  };
}
