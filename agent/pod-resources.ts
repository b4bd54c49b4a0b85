import { credentials, Metadata } from '@grpc/grpc-js';
import { DEVICE_RESOURCE } from '../api/names.ts';
import { messageOf, PodvisorError } from '../runtime/errors.ts';
import type { SlotOwner } from './pod-facts.ts';
import {
  type AllocatableResourcesResponse,
  type ListPodResourcesResponse,
  PodResourcesListerClient,
} from './proto/gen/podresources.ts';
import { type KubeletFacts, kubeletFacts } from './report/kubelet-facts.ts';

/** Who holds which slot, as the node's kubelet says: the only party that knows. */
export interface PodResources {
  /** Owner by slot. Throws PodvisorError('unavailable') while the kubelet does not answer. */
  owners(): Promise<ReadonlyMap<string, SlotOwner>>;
  /** What the container of a slot was given besides; nothing when the slot has no owner. Throws as `owners`. */
  holdings(slot: string): Promise<Holdings>;
  /** What it gives out, and to whom. Throws as `owners`. */
  facts(): Promise<KubeletFacts>;
  close(): void;
}

/** What the kubelet gave a container for itself. */
export interface Holdings {
  /** CPUs no other container runs on, ascending; empty without the static CPU policy. */
  readonly cpus: readonly number[];
  /** Device ids by resource name. */
  readonly devices: ReadonlyMap<string, readonly string[]>;
  /** Devices of ResourceClaims (dynamic resource allocation). */
  readonly claimed: readonly ClaimedDevice[];
}

/** A device of a ResourceSlice, by the three names that find it there. */
export interface ClaimedDevice {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
}

const DEADLINE_MS = 5000;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** A client of the kubelet's pod resources socket. `now` in milliseconds, for deadlines. */
export function createPodResources(socket: string, now: () => number): PodResources {
  const options = { 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES, 'grpc.max_reconnect_backoff_ms': 1000 };
  const client = new PodResourcesListerClient(`unix:${socket}`, credentials.createInsecure(), options);
  const deadline = (): { deadline: Date } => ({ deadline: new Date(now() + DEADLINE_MS) });
  const list = (): Promise<ListPodResourcesResponse> =>
    new Promise((resolve, reject) => {
      client.list({}, new Metadata(), deadline(), (error, answer) =>
        error === null ? resolve(answer) : reject(unavailable('who holds the slot', error)),
      );
    });
  const allocatable = (): Promise<AllocatableResourcesResponse> =>
    new Promise((resolve, reject) => {
      client.getAllocatableResources({}, new Metadata(), deadline(), (error, answer) =>
        error === null ? resolve(answer) : reject(unavailable('what it gives out', error)),
      );
    });
  return {
    close: () => client.close(),
    owners: async () => ownersOf(await list()),
    holdings: async (slot) => holdingsOf(await list(), slot),
    facts: async () => kubeletFacts(await allocatable(), await list()),
  };
}

function unavailable(what: string, cause: Error): PodvisorError {
  return new PodvisorError('unavailable', `the kubelet does not say ${what}: ${messageOf(cause)}`, { cause });
}

/** Owner by device id, of our resources only. */
export function ownersOf(answer: ListPodResourcesResponse): ReadonlyMap<string, SlotOwner> {
  const resources: readonly string[] = Object.values(DEVICE_RESOURCE);
  const owners = new Map<string, SlotOwner>();
  for (const { namespace, name, containers } of answer.podResources) {
    for (const { name: container, devices } of containers) {
      const ids = devices.filter((device) => resources.includes(device.resourceName)).flatMap((device) => device.deviceIds);
      for (const id of ids) owners.set(id, { namespace, name, container });
    }
  }
  return owners;
}

/** What the container that holds a slot was given. */
export function holdingsOf(answer: ListPodResourcesResponse, slot: string): Holdings {
  const containers = answer.podResources.flatMap((pod) => pod.containers);
  const container = containers.find((one) =>
    one.devices.some(({ resourceName, deviceIds }) => isSlot(resourceName, deviceIds, slot)),
  );
  if (container === undefined) return { cpus: [], devices: new Map(), claimed: [] };
  const devices = new Map<string, readonly string[]>();
  // A resource may come in several parts, one a NUMA node.
  for (const { resourceName, deviceIds } of container.devices) {
    devices.set(resourceName, [...(devices.get(resourceName) ?? []), ...deviceIds]);
  }
  const claimed = container.dynamicResources
    .flatMap((claim) => claim.claimResources)
    .map(({ driverName, poolName, deviceName }) => ({ driver: driverName, pool: poolName, device: deviceName }));
  return { cpus: container.cpuIds.map(Number).sort((a, b) => a - b), devices, claimed };
}

/** Whether these are devices of ours with this slot among them. */
export function isSlot(resource: string, ids: readonly string[], slot: string): boolean {
  return (Object.values(DEVICE_RESOURCE) as readonly string[]).includes(resource) && ids.includes(slot);
}
