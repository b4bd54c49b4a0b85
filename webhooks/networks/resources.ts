import type { GuestSpec } from '../../api/guest-spec.ts';
import { INJECTOR_VOLUME } from '../../api/names.ts';
import type { Container, Pod, ResourceList } from '../../api/pod.ts';
import type { Violation } from '../../api/violation.ts';
import { withField } from '../pod/lists.ts';

/**
 * Requests for the device plugins' resources of a guest's networks: one for each use, on the container that runs the guest, because it is
 * the one that opens the device. network-resources-injector (NRI) may do the same beside us, before or after. It adds its requests to the
 * first container of the pod, skips a resource that any container requests, and adds in any case in its honor-resources mode.
 */

/** How many of each resource the guest's networks need. */
export function neededResources({ networks }: Pick<GuestSpec, 'networks'>): ReadonlyMap<string, number> {
  const needed = new Map<string, number>();
  for (const { resource } of networks) if (resource !== undefined) needed.set(resource, (needed.get(resource) ?? 0) + 1);
  return needed;
}

/** The guest container with exactly what its networks need. */
export function setNetworkResources(container: Container, guest: GuestSpec): Container {
  const needed = neededResources(guest);
  if (needed.size === 0) return container;
  const set = (list: ResourceList = {}): ResourceList =>
    [...needed].reduce<ResourceList>((sum, [resource, count]) => ({ ...sum, [resource]: kept(sum[resource], count) }), list);
  const { resources = {} } = container;
  return { ...container, resources: { ...resources, limits: set(resources.limits), requests: set(resources.requests) } };
}

/** The notation that is there when it says the same. */
function kept(present: string | number | undefined, count: number): string | number {
  return present !== undefined && Number(present) === count ? present : String(count);
}

/**
 * The mode network-resources-injector showed: `honor-resources` when a resource that was requested already has been requested once more,
 * `unknown` when its volume is there and nothing tells. In its default mode, called after us, it leaves no trace.
 */
export type InjectorMode = 'honor-resources' | 'unknown';

/** A pod without what an injector added beside us, what to tell the user about it, and what it showed of itself. */
export interface Corrected {
  readonly pod: Pod;
  readonly warnings: readonly string[];
  readonly injector?: InjectorMode;
}

/** Takes back what NRI put where the guest cannot use it, or doubled. The same pod when there is nothing of that kind. */
export function withoutInjected(pod: Pod, guest: GuestSpec): Corrected {
  const injected = pod.spec.volumes?.some(({ name }) => name === INJECTOR_VOLUME) === true;
  if (!injected) return { pod, warnings: [] };
  const start: Corrected = { pod, warnings: [], injector: 'unknown' };
  return [...neededResources(guest)].reduce((so, need) => withoutOne(so, guest, need), start);
}

// NRI wrote to what was the first container then; others may have been put before it since.
function withoutOne(so: Corrected, guest: GuestSpec, [resource, count]: readonly [string, number]): Corrected {
  const { containers } = so.pod.spec;
  const isGuest = ({ name }: Container): boolean => name === guest.container;
  const corrected = containers.map((container) => {
    const excess = amountOf(container, resource) === (isGuest(container) ? 2 * count : count);
    return excess ? withAmount(container, resource, isGuest(container) ? String(count) : undefined) : container;
  });
  if (corrected.every((container, index) => container === containers[index])) return so;
  const pod = { ...so.pod, spec: { ...so.pod.spec, containers: corrected } };
  // On a sidecar alone it may have been the first request of all: nothing tells the mode, and the resource only moves.
  const again = containers.some((container) => isGuest(container) && amountOf(container, resource) > 0);
  return again ? { pod, warnings: [...so.warnings, twice(resource)], injector: 'honor-resources' } : { ...so, pod };
}

function amountOf({ resources }: Container, resource: string): number {
  return Number(resources?.limits?.[resource] ?? 0);
}

function twice(resource: string): string {
  return `another webhook had requested ${resource} a second time (network-resources-injector with honor-resources); taken back`;
}

function withAmount(container: Container, resource: string, amount: string | undefined): Container {
  const { resources = {} } = container;
  const edit = (list: ResourceList | undefined): ResourceList => withField<ResourceList, string>(list ?? {}, resource, amount);
  return { ...container, resources: { ...resources, limits: edit(resources.limits), requests: edit(resources.requests) } };
}

/** Other amounts than the networks need, and other containers that would take the devices Multus counts on. */
export function checkNetworkResources(pod: Pod, guest: GuestSpec): readonly Violation[] {
  return [...neededResources(guest)].flatMap(([resource, count]) =>
    pod.spec.containers.flatMap((container, index) => {
      const field = `spec.containers[${index}].resources.limits.${resource}`;
      const amount = container.resources?.limits?.[resource] ?? container.resources?.requests?.[resource];
      if (amount === undefined) return [];
      const message = amountReason(container.name === guest.container, Number(amount), count);
      return message === '' ? [] : [{ field, value: String(amount), message }];
    }),
  );
}

function amountReason(own: boolean, amount: number, count: number): string {
  if (own) return amount === count ? '' : `the guest's networks need ${count}; remove it, and admission requests them`;
  return 'belongs to a network of the guest, and Multus could give its device to this container instead; remove it';
}
