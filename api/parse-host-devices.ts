import type { GuestContainer } from './guest-container.ts';
import { DNS_LABEL, EXTENDED_RESOURCE, GUEST_LIMITS, type GuestSpec } from './guest-spec.ts';
import { PREFIX } from './names.ts';
import { didYouMean } from './nearest.ts';
import type { Pod, ResourceList } from './pod.ts';
import { bad, collector, good, type Step } from './step.ts';
import { annotationField, type Violation } from './violation.ts';

export const DEVICES_ANNOTATION = `${PREFIX}devices`;

type Devices = Pick<GuestSpec, 'hostDevices' | 'claims'>;

const RESOURCE = new RegExp(EXTENDED_RESOURCE);
const LABEL = new RegExp(DNS_LABEL);

/**
 * Devices of the node that become the guest's: extended resources of its container that the annotation names (a resource's name does not
 * say whether it is a PCI function, a file or a licence), and all ResourceClaims of its container. What belongs to its networks is not named.
 */
export function parseHostDevices(pod: Pod, guest: GuestContainer, ofNetworks: readonly string[]): Step<Devices> {
  const { take, step } = collector();
  const hostDevices = take(parseResources(pod, guest, ofNetworks));
  const claims = take(parseClaims(guest));
  const total = hostDevices.reduce((sum, { count }) => sum + count, 0) + claims.length;
  if (total > GUEST_LIMITS.hostDevices) {
    const message = `makes ${total} devices of the node; allowed: at most ${GUEST_LIMITS.hostDevices}`;
    take(bad(undefined, { field: annotationField(DEVICES_ANNOTATION), message }));
  }
  return step({
    ...(hostDevices.length === 0 ? {} : { hostDevices }),
    ...(claims.length === 0 ? {} : { claims }),
  });
}

function parseResources(
  pod: Pod,
  { container }: GuestContainer,
  ofNetworks: readonly string[],
): Step<NonNullable<Devices['hostDevices']>> {
  const text = pod.metadata.annotations?.[DEVICES_ANNOTATION];
  if (text === undefined) return good([]);
  const limits = container.resources?.limits ?? {};
  const names = text.split(',').map((name) => name.trim());
  const reason = names.map((name) => resourceReason(name, limits, ofNetworks)).find((one) => one !== '') ?? repeatedReason(names);
  if (reason !== '') return bad([], { field: annotationField(DEVICES_ANNOTATION), value: text, message: reason });
  return good(names.map((resource) => ({ resource, count: Number(limits[resource]) })));
}

function resourceReason(name: string, limits: ResourceList, ofNetworks: readonly string[]): string {
  const shown = `'${name.slice(0, 80)}'`;
  if (name.startsWith(PREFIX)) return `${shown} is Podvisor's own; remove it`;
  if (!RESOURCE.test(name))
    return `${shown} is no extended resource; allowed: names such as example.com/gpu, separated by commas`;
  if (ofNetworks.includes(name)) return `${shown} belongs to a network of the guest, which has its device from there; remove it`;
  const amount = Object.hasOwn(limits, name) ? limits[name] : undefined;
  if (amount === undefined)
    return `${shown} is not in the guest container's limits${didYouMean(name, Object.keys(limits))}; add it there`;
  const count = Number(amount);
  if (Number.isInteger(count) && count >= 1 && count <= GUEST_LIMITS.hostDevices) return '';
  return `asks for ${String(amount)} of ${shown}; allowed: 1 to ${GUEST_LIMITS.hostDevices}`;
}

function repeatedReason(names: readonly string[]): string {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? '' : `names '${twice}' twice; remove one`;
}

function parseClaims({ container, path }: GuestContainer): Step<string[]> {
  const { claims = [] } = container.resources ?? {};
  const names = claims.map(({ name }) => (typeof name === 'string' ? name : ''));
  const violations = names.flatMap((name, index): Violation[] =>
    LABEL.test(name) ? [] : [{ field: `${path}.resources.claims[${index}].name`, value: name, message: 'allowed: a DNS label' }],
  );
  return { value: [...new Set(names)], violations };
}
