import type { GuestSpec } from '../../api/guest-spec.ts';
import { PAGE_BYTES, type PageSize } from '../../api/huge-pages.ts';
import { type Dimension, DIMENSIONS, type Placement, readWish, type Wish } from '../../api/placement.ts';
import { imageKey } from './image-names.ts';

/** What guest RAM is of. An amount of `plain` is in bytes, of huge pages in pages of that size. */
export type MemoryKind = 'plain' | PageSize;

/** A virtual function that a network of the guest needs. */
export interface WantedFunction {
  /** Extended resource of the device plugin. */
  readonly resource: string;
  /** Physical network it must be plugged into; undefined = any. */
  readonly network?: string;
}

/** What a VM takes of a node, wherever in it. */
export interface Needs {
  readonly memory: MemoryKind;
  /** Of `memory`'s unit, for the whole guest. */
  readonly amount: number;
  /** CPUs for it alone; 0 when it shares. */
  readonly cpus: number;
  readonly functions: readonly WantedFunction[];
}

/** Whose VM it is. */
export interface Identity {
  readonly uid: string;
  /** Keys (`namespace/name`) of its PersistentVolumeClaims. */
  readonly volumeClaims: readonly string[];
  /** Of these, those that are none of its pod's volumes, but plugged into its guest; none without. They were in use, so none is new. */
  readonly hotplugged?: readonly string[];
  /** UID of the controller that makes pods like this one; the pod's own for one made by hand. */
  readonly owner: string;
  /** Pods of a lower one may be evicted for it. */
  readonly priority: number;
}

/** What storage asks of it. */
export type ClaimsOf = Pick<Identity, 'uid' | 'volumeClaims' | 'hotplugged'>;

/** What placement asks of a VM; the part of the GuestSpec that checks and scores read. */
export interface Wanted extends Needs, Identity {
  /** Equal for VMs to which all nodes are the same; all that `SHAPE_CHECKS` (node-reason.ts) and fits are made of. */
  readonly shape: string;
  readonly accelerator: GuestSpec['accelerator'];
  /** Parts of guest RAM that each want to be in one zone: the declared NUMA nodes of the guest, or one. */
  readonly cells: number;
  /** Of `cpus`, those that go with no cell (isolated emulator threads). */
  readonly extraCpus: number;
  /** {@link imageKey} of the boot image. */
  readonly image: number;
  readonly cpu: { readonly model: string; readonly features: readonly string[] };
  readonly wishes: Readonly<Record<Dimension, Wish>>;
}

/** Reads a GuestSpec. Pure. */
export function wantedOf(guest: GuestSpec, identity: Identity): Wanted {
  return shaped({
    ...needsOf(guest),
    ...identity,
    accelerator: guest.accelerator,
    cells: guest.numa?.cells ?? 1,
    extraCpus: isolated(guest),
    image: imageKey(guest.boot.image),
    cpu: { model: guest.cpu.model, features: guest.cpu.features },
    wishes: wishesOf(guest.placement),
  });
}

/** With its {@link Wanted.shape}. */
export function shaped(wanted: Omit<Wanted, 'shape'>): Wanted {
  const { accelerator, memory, amount, cells, cpus, extraCpus, functions, wishes } = wanted;
  const { hugepages, numa, sriov, image } = wishes;
  const parts = [accelerator, memory, amount, cells, cpus, extraCpus, functions, hugepages, numa, sriov, wanted.image, image];
  return { ...wanted, shape: JSON.stringify(parts) };
}

/** As {@link wantedOf}, only what stays taken once the VM has its node. */
export function needsOf(guest: GuestSpec): Needs {
  const memory = guest.hugepages ?? 'plain';
  return {
    memory,
    amount: memory === 'plain' ? guest.memoryBytes : guest.memoryBytes / PAGE_BYTES[memory],
    cpus: guest.dedicatedCpus === undefined ? 0 : guest.vcpus + isolated(guest),
    functions: guest.networks.flatMap(wantedFunction),
  };
}

function wantedFunction({ binding, resource, physicalNetwork }: GuestSpec['networks'][number]): WantedFunction[] {
  if (binding !== 'sriov' || resource === undefined) return [];
  return [{ resource, ...(physicalNetwork === undefined ? {} : { network: physicalNetwork }) }];
}

function isolated({ dedicatedCpus }: GuestSpec): number {
  return dedicatedCpus?.emulatorThreads === 'isolate' ? 1 : 0;
}

function wishesOf(placement: Placement = {}): Wanted['wishes'] {
  const entries = DIMENSIONS.map((name) => [name, readWish(name, placement[name])] as const);
  return Object.fromEntries(entries) as Record<Dimension, Wish>;
}
