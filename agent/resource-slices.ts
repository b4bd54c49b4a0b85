import type { KubeClient } from '../kube/client.ts';
import { listAll } from '../kube/list-pages.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import type { ClaimedDevice } from './pod-resources.ts';

/** Standard attribute of a device that is a PCI function (k8s.io/dynamic-resource-allocation, deviceattribute). */
const PCI_BUS_ID = 'resource.kubernetes.io/pciBusID';
const DEADLINE_MS = 10_000;

interface ResourceSlice {
  readonly spec?: {
    readonly driver?: string;
    readonly pool?: { readonly name?: string };
    readonly devices?: readonly {
      readonly name?: string;
      readonly attributes?: Readonly<Record<string, { readonly string?: unknown } | undefined>>;
    }[];
  };
}

/** PCI addresses of claimed devices, from the ResourceSlices of their drivers: one list for each driver. */
export async function claimedAddresses(
  client: KubeClient,
  devices: readonly ClaimedDevice[],
): Promise<(device: ClaimedDevice) => string | undefined> {
  const slices: ResourceSlice[] = [];
  for (const driver of new Set(devices.map((one) => one.driver))) {
    const query = { fieldSelector: `spec.driver=${driver}` };
    const found: ResourceSlice[] = [];
    const taker = {
      add: (page: readonly object[]) => void found.push(...(page as ResourceSlice[])),
      restart: () => void found.splice(0),
    };
    await listAll(client, { path: pathOf(KINDS.resourceSlices), query }, taker, AbortSignal.timeout(DEADLINE_MS));
    slices.push(...found);
  }
  return (device) => addressIn(slices, device);
}

function addressIn(slices: readonly ResourceSlice[], { driver, pool, device }: ClaimedDevice): string | undefined {
  const address = slices
    .filter(({ spec }) => spec?.driver === driver && spec.pool?.name === pool)
    .flatMap(({ spec }) => spec?.devices ?? [])
    .find(({ name }) => name === device)?.attributes?.[PCI_BUS_ID]?.string;
  return typeof address === 'string' ? address : undefined;
}
