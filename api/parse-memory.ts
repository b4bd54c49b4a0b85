import type { GuestContainer } from './guest-container.ts';
import { GUEST_LIMITS, type GuestSpec } from './guest-spec.ts';
import { PAGE_BYTES, type PageSize } from './huge-pages.ts';
import { PREFIX } from './names.ts';
import { type Amount, readAmount, violationOf } from './parse-size.ts';
import type { Pod } from './pod.ts';
import { formatBytes, isWhole, parseQuantity, wholeUp } from './quantity.ts';
import { bad, collector, good, type Step } from './step.ts';
import { annotationField, type Violation } from './violation.ts';

export const NUMA_ANNOTATION = `${PREFIX}numa`;

const MIB = BigInt(GUEST_LIMITS.memoryBytes.step);
const RESOURCE = 'hugepages-';

type Memory = Pick<GuestSpec, 'memoryBytes' | 'hugepages' | 'numa'>;

/** Guest RAM: the hugepages limit when there is one, else the memory limit, else the memory request; and its NUMA cells. */
export function parseMemory(pod: Pod, guest: GuestContainer, vcpus: number): Step<Memory> {
  const { take, step } = collector();
  const hugepages = take(parsePageSize(guest));
  const memoryBytes = take(hugepages === undefined ? parsePlain(guest) : parseHuge(guest, hugepages));
  const size: Memory = { memoryBytes, ...(hugepages === undefined ? {} : { hugepages }) };
  return step({ ...size, ...take(parseNuma(pod, size, vcpus)) });
}

function parsePlain({ container, path }: GuestContainer): Step<number> {
  const { min } = GUEST_LIMITS.memoryBytes;
  const { value: amount, violations } = readAmount(container, path, 'memory');
  if (violations.length > 0) return { value: min, violations };
  if (amount !== undefined) return wholePages(amount, MIB);
  const message = 'is missing, and it is the size of the guest\'s RAM; set it, e.g. "512Mi"';
  return bad(min, { field: `${path}.resources.limits.memory`, message });
}

/** The one size of huge pages the container asks for. */
function parsePageSize({ container, path }: GuestContainer): Step<PageSize | undefined> {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const names = [...new Set([...Object.keys(limits), ...Object.keys(requests)])].filter((name) => name.startsWith(RESOURCE));
  const [name = '', second] = names;
  if (name === '') return good(undefined);
  const field = `${path}.resources.limits.${name}`;
  const size = name.slice(RESOURCE.length);
  if (size !== '2Mi' && size !== '1Gi') {
    return bad('2Mi', {
      field,
      message: 'no node with x86-64 CPUs has pages of this size; allowed: hugepages-2Mi, hugepages-1Gi',
    });
  }
  if (second === undefined) return good(size);
  return bad(size, {
    field,
    message: `the guest's RAM is of pages of one size, and ${second} is asked for too; remove one of them`,
  });
}

/** All RAM is of huge pages, so memory is no second size: it may say the same, and means what runs beside the guest. */
function parseHuge({ container, path }: GuestContainer, size: PageSize): Step<number> {
  const { min } = GUEST_LIMITS.memoryBytes;
  const { value: amount, violations } = readAmount(container, path, RESOURCE + size);
  if (amount === undefined) return { value: min, violations };
  const pages = wholePages(amount, BigInt(PAGE_BYTES[size]));
  return { value: pages.value, violations: [...pages.violations, ...otherMemory({ container, path }, amount)] };
}

function otherMemory({ container, path }: Pick<GuestContainer, 'container' | 'path'>, huge: Amount): readonly Violation[] {
  const kinds = ['limits', 'requests'] as const;
  return kinds.flatMap((kind) => {
    const raw = container.resources?.[kind]?.['memory'];
    const parsed = parseQuantity(String(raw ?? huge.text));
    if (parsed.ok && parsed.value.nanos === huge.quantity.nanos) return [];
    const message = `is not the hugepages limit (${huge.text}), which is all of the guest's RAM; remove it, or write the same: Podvisor sets it to what QEMU needs besides`;
    return [{ field: `${path}.resources.${kind}.memory`, value: String(raw), message }];
  });
}

/** The amount in bytes, when it is a whole number of pages in the bounds of a guest. */
function wholePages(amount: Amount, page: bigint): Step<number> {
  const { min, max } = GUEST_LIMITS.memoryBytes;
  const bytes = wholeUp(amount.quantity);
  if (!isWhole(amount.quantity) || bytes % page !== 0n) return bad(min, notWhole(amount, page));
  if (bytes >= BigInt(min) && bytes <= BigInt(max)) return good(Number(bytes));
  return bad(min, violationOf(amount, `is the guest's RAM; allowed: ${formatBytes(min)} to ${formatBytes(max)}`));
}

function notWhole(amount: Amount, page: bigint): Violation {
  const unit = page === MIB ? 'MiB' : `pages of ${formatBytes(page)}`;
  return violationOf(
    amount,
    `guest RAM must be a whole number of ${unit}; write ${nearestSizes(wholeUp(amount.quantity), page)}`,
  );
}

/** The whole sizes around `bytes` that a guest may have. */
function nearestSizes(bytes: bigint, step: bigint): string {
  const below = (bytes / step) * step;
  const least = BigInt(GUEST_LIMITS.memoryBytes.min);
  const near = [below, below + step].filter((size) => size >= least && size % step === 0n);
  const examples = near.map((size) => `"${inMebibytes(size, step)}"`).join(' or ');
  const smallest = ((least + step - 1n) / step) * step;
  return examples === '' ? `at least "${inMebibytes(smallest, step)}"` : examples;
}

function inMebibytes(bytes: bigint, step: bigint): string {
  return step % BigInt(PAGE_BYTES['1Gi']) === 0n ? formatBytes(bytes) : `${bytes / MIB}Mi`;
}

/** More nodes than this help no guest: Linux' own default is 64, common machines have 2 to 8. */
const MAX_CELLS = GUEST_LIMITS.numaCells.max;

/** NUMA nodes inside the guest: memory and vCPUs in equal parts. */
function parseNuma({ metadata }: Pod, size: Memory, vcpus: number): Step<Pick<GuestSpec, 'numa'>> {
  const text = metadata.annotations?.[NUMA_ANNOTATION];
  if (text === undefined) return good({});
  const cells = Number(/^cells=([1-9]\d?)$/.exec(text)?.[1] ?? 0);
  const reason = numaReason(cells, size, vcpus);
  if (reason !== '') return bad({}, { field: annotationField(NUMA_ANNOTATION), value: text, message: reason });
  return good(cells === 1 ? {} : { numa: { cells } });
}

/** Why a guest cannot have so many cells; '' = it can. */
function numaReason(cells: number, { memoryBytes, hugepages }: Memory, vcpus: number): string {
  if (cells < 1 || cells > MAX_CELLS) return `allowed: cells=N, with N from 1 to ${MAX_CELLS}`;
  if (vcpus % cells !== 0) {
    const up = Math.ceil(vcpus / cells) * cells;
    return `cannot share ${vcpus} vCPUs out evenly; set the CPU limit to a multiple of ${cells}, e.g. "${up}", or change the cells`;
  }
  const step = (hugepages === undefined ? MIB : BigInt(PAGE_BYTES[hugepages])) * BigInt(cells);
  if (BigInt(memoryBytes) % step === 0n) return '';
  return `cannot share ${formatBytes(memoryBytes)} of RAM out evenly; set it to ${nearestSizes(BigInt(memoryBytes), step)}, or change the cells`;
}
