import { credentials, Metadata } from '@grpc/grpc-js';
import { DEVICE_RESOURCE } from '../api/names.ts';
import { messageOf, PodvisorError } from '../runtime/errors.ts';
import type { SlotOwner } from './pod-facts.ts';
import { type ListPodResourcesResponse, PodResourcesListerClient } from './proto/gen/podresources.ts';

/** Who holds which slot, as the node's kubelet says: the only party that knows. */
export interface PodResources {
  /** Owner by slot. Throws PodvisorError('unavailable') while the kubelet does not answer. */
  owners(): Promise<ReadonlyMap<string, SlotOwner>>;
  close(): void;
}

const DEADLINE_MS = 5000;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** A client of the kubelet's pod resources socket. `now` in milliseconds, for deadlines. */
export function createPodResources(socket: string, now: () => number): PodResources {
  const options = { 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES, 'grpc.max_reconnect_backoff_ms': 1000 };
  const client = new PodResourcesListerClient(`unix:${socket}`, credentials.createInsecure(), options);
  return {
    close: () => client.close(),
    owners: () =>
      new Promise((resolve, reject) => {
        client.list({}, new Metadata(), { deadline: new Date(now() + DEADLINE_MS) }, (error, answer) => {
          if (error === null) return resolve(ownersOf(answer));
          reject(
            new PodvisorError('unavailable', `the kubelet does not say who holds the slot: ${messageOf(error)}`, {
              cause: error,
            }),
          );
        });
      }),
  };
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
