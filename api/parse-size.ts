import type { GuestContainer } from './guest-container.ts';
import { GUEST_LIMITS } from './guest-spec.ts';
import type { Container } from './pod.ts';
import { formatBytes, isWhole, parseQuantity, type Quantity, wholeUp } from './quantity.ts';
import { bad, good, type Step } from './step.ts';
import type { Violation } from './violation.ts';

const MIB = BigInt(GUEST_LIMITS.memoryBytes.step);
const DEFAULT_VCPUS = 1;

/** One resource of the guest container: its limit, else its request. */
interface Amount {
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

/** Guest RAM in bytes: the memory limit, else the request. */
export function parseMemory({ container, path }: GuestContainer): Step<number> {
  const { min, max } = GUEST_LIMITS.memoryBytes;
  const { value: amount, violations } = readAmount(container, path, 'memory');
  if (violations.length > 0) return { value: min, violations };
  if (amount === undefined) {
    const message = 'is missing, and it is the size of the guest\'s RAM; set it, e.g. "512Mi"';
    return bad(min, { field: `${path}.resources.limits.memory`, message });
  }
  if (!isWhole(amount.quantity) || wholeUp(amount.quantity) % MIB !== 0n) return bad(min, notWhole(amount));
  const bytes = wholeUp(amount.quantity);
  if (bytes >= BigInt(min) && bytes <= BigInt(max)) return good(Number(bytes));
  return bad(min, violationOf(amount, `is the guest's RAM; allowed: ${formatBytes(min)} to ${formatBytes(max)}`));
}

function notWhole(amount: Amount): Violation {
  const below = (wholeUp(amount.quantity) / MIB) * MIB;
  const near = [below, below + MIB].filter((bytes) => bytes >= BigInt(GUEST_LIMITS.memoryBytes.min));
  const examples = near.map((bytes) => `"${Number(bytes / MIB)}Mi"`).join(' or ');
  return violationOf(amount, `guest RAM must be a whole number of MiB; write ${examples === '' ? 'at least "16Mi"' : examples}`);
}

function readAmount({ resources = {} }: Container, path: string, name: string): Step<Amount | undefined> {
  const kind = resources.limits?.[name] === undefined ? 'requests' : 'limits';
  const raw = resources[kind]?.[name];
  if (raw === undefined) return good(undefined);
  const field = `${path}.resources.${kind}.${name}`;
  const parsed = parseQuantity(String(raw));
  if (parsed.ok) return good({ field, text: String(raw), quantity: parsed.value });
  return bad(undefined, { field, value: String(raw), message: parsed.reason });
}

function violationOf({ field, text }: Amount, message: string): Violation {
  return { field, value: text, message };
}

/** Resources of the guest container that mean something Podvisor cannot give yet, or that stay outside the guest. */
export function parseOtherResources({ container, path }: GuestContainer): Step<undefined> {
  const { limits = {}, requests = {}, claims = [] } = container.resources ?? {};
  const named = [...names(`${path}.resources.limits`, limits), ...names(`${path}.resources.requests`, requests)];
  const hugepages = named
    .filter(({ name }) => name.startsWith('hugepages-'))
    .map(({ field }) => ({
      field,
      message: 'hugepages are not supported yet; remove it, and set memory alone',
    }));
  const dynamic = claims.length === 0 ? [] : [{ field: `${path}.resources.claims`, message: 'is not supported yet; remove it' }];
  const extended = [...new Set(named.map(({ name }) => name).filter(isForeignDevice))];
  const warnings = extended.map((name) => `${name} is given to the launcher's container; the guest does not see it yet`);
  return { value: undefined, violations: [...hugepages, ...dynamic], warnings };
}

function names(path: string, list: object): { name: string; field: string }[] {
  return Object.keys(list).map((name) => ({ name, field: `${path}.${name}` }));
}

/** Extended resources of others: a domain other than Kubernetes' and ours. Ours are refused elsewhere. */
function isForeignDevice(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('podvisor.dev/');
}
