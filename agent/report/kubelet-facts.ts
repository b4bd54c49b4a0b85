import type { AllocatableResourcesResponse, ContainerDevices, ListPodResourcesResponse } from '../proto/gen/podresources.ts';
import { isSlot } from '../pod-resources.ts';

/** What the kubelet gives out, to whom, as far as the report needs it. */
export interface KubeletFacts {
  /** Extended resource of a device, by its id; undefined = no plugin offers it. */
  resourceOf(device: string): string | undefined;
  /** Ids of devices that containers hold. */
  readonly devicesInUse: ReadonlySet<string>;
  /** CPUs that containers can be given for themselves; none without the static CPU policy. */
  readonly dedicatedCpus: readonly number[];
  readonly cpusInUse: ReadonlySet<number>;
  /** What the container of a slot holds. */
  holdings(slot: string): { readonly cpus: readonly number[]; readonly devices: readonly string[] };
}

/** Nothing: the kubelet has not answered. */
export const NO_KUBELET_FACTS = kubeletFacts({ devices: [], cpuIds: [] }, { podResources: [] });

/** The kubelet's two answers as facts. */
export function kubeletFacts(allocatable: AllocatableResourcesResponse, list: ListPodResourcesResponse): KubeletFacts {
  const containers = list.podResources.flatMap((pod) => pod.containers);
  const resources = new Map(idsOf(allocatable.devices));
  const holder = (slot: string) =>
    containers.find(({ devices }) => devices.some((one) => isSlot(one.resourceName, one.deviceIds, slot)));
  return {
    resourceOf: (device) => resources.get(device),
    devicesInUse: new Set(containers.flatMap(({ devices }) => idsOf(devices).map(([id]) => id))),
    dedicatedCpus: allocatable.cpuIds.map(Number),
    cpusInUse: new Set(containers.flatMap(({ cpuIds }) => cpuIds.map(Number))),
    holdings: (slot) => {
      const container = holder(slot);
      return { cpus: (container?.cpuIds ?? []).map(Number), devices: idsOf(container?.devices ?? []).map(([id]) => id) };
    },
  };
}

function idsOf(devices: readonly ContainerDevices[]): (readonly [id: string, resource: string])[] {
  return devices.flatMap(({ resourceName, deviceIds }) => deviceIds.map((id) => [id, resourceName] as const));
}
