import type { GuestContainer } from './guest-container.ts';
import { GUEST_LIMITS } from './guest-spec.ts';
import type { Container } from './pod.ts';
import { parseQuantity, type Quantity, wholeUp } from './quantity.ts';
import { bad, good, type Step } from './step.ts';
import type { Violation } from './violation.ts';

const DEFAULT_VCPUS = 1;

/** One resource of the guest container: its limit, else its request. */
export interface Amount {
  readonly field: string;
  readonly text: string;
  readonly quantity: Quantity;
}

/** vCPUs: the CPU limit, else the request, rounded up; 1 when neither is set. */
export function parseVcpus({ container, path }: GuestContainer): Step<number> {
  const { value: amount, violations } = readAmount(container, path, 'cpu');
  if (amount === undefined) return { value: DEFAULT_VCPUS, violations };
  const vcpus = wholeUp(amount.quantity);
  const { max } = GUEST_LIMITS.vcpus;
  if (vcpus >= 0n && vcpus <= BigInt(max)) return good(Math.max(DEFAULT_VCPUS, Number(vcpus)));
  return bad(DEFAULT_VCPUS, violationOf(amount, `allowed: up to ${max} CPUs (one vCPU for each, rounded up)`));
}

/** A resource of the container: its limit, else its request. */
export function readAmount({ resources = {} }: Container, path: string, name: string): Step<Amount | undefined> {
  const kind = resources.limits?.[name] === undefined ? 'requests' : 'limits';
  const raw = resources[kind]?.[name];
  if (raw === undefined) return good(undefined);
  const field = `${path}.resources.${kind}.${name}`;
  const parsed = parseQuantity(String(raw));
  if (parsed.ok) return good({ field, text: String(raw), quantity: parsed.value });
  return bad(undefined, { field, value: String(raw), message: parsed.reason });
}

/** What is wrong with an amount. */
export function violationOf({ field, text }: Amount, message: string): Violation {
  return { field, value: text, message };
}

/** Resources of the guest container that stay outside the guest; those `used` by its networks and devices do not. */
export function parseOtherResources({ container, path }: GuestContainer, used: readonly string[]): Step<undefined> {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const named = [...names(`${path}.resources.limits`, limits), ...names(`${path}.resources.requests`, requests)];
  const extended = [...new Set(named.map(({ name }) => name).filter((name) => isForeignDevice(name) && !used.includes(name)))];
  const warnings = extended.map(
    (name) => `${name} is given to the launcher's container; the guest sees it only if podvisor.dev/devices names it`,
  );
  return { value: undefined, violations: [], warnings };
}

function names(path: string, list: object): { name: string; field: string }[] {
  return Object.keys(list).map((name) => ({ name, field: `${path}.${name}` }));
}

/** Extended resources of others: a domain other than Kubernetes' and ours. Ours are refused elsewhere. */
function isForeignDevice(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('podvisor.dev/');
}
