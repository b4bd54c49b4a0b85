import { PAGE_BYTES } from '../../api/huge-pages.ts';
import { parseQuantity } from '../../api/quantity.ts';
import { isRecord } from '../../runtime/record.ts';
import type { ZoneAmounts } from '../placement/room.ts';

/** What a NodeResourceTopology (topology.node.k8s.io/v1alpha2) tells of its node. */
export interface TopologyFacts {
  /** What pods can be given. */
  readonly allocatable: readonly ZoneAmounts[];
  /** What is left of it. The kubelet counts pods of class Guaranteed only, and its publisher may be a minute late. */
  readonly available: readonly ZoneAmounts[];
  /** Zones with devices, by extended resource. */
  readonly devices: ReadonlyMap<string, readonly number[]>;
}

/** Of real machines the largest have 32; one gone wrong must not fill our memory. */
const MOST_ZONES = 64;
const ZONE_NAME = /^node-(\d{1,4})$/;
const NATIVE = /^(cpu|memory|ephemeral-storage|hugepages-.*)$/;

interface Resource {
  readonly name: string;
  readonly allocatable: number;
  readonly available: number;
}

/**
 * Reads one; undefined = it does not tell memory by zone, as where the kubelet runs without the Static memory manager: half of the facts would refuse
 * nodes that may have room. Total.
 */
export function topologyFacts(raw: Readonly<Record<string, unknown>>): TopologyFacts | undefined {
  const zones = listOf(raw['zones']).flatMap(readZone).slice(0, MOST_ZONES);
  const isWhole = zones.length > 0 && zones.every(({ resources }) => has(resources, 'cpu') && has(resources, 'memory'));
  if (!isWhole) return undefined;
  const devices = new Map<string, number[]>();
  for (const { id, resources } of zones)
    for (const { name, allocatable } of resources)
      if (!NATIVE.test(name) && allocatable > 0) devices.set(name, [...(devices.get(name) ?? []), id]);
  const amounts = (which: 'allocatable' | 'available') => zones.map(({ id, resources }) => amountsOf(id, resources, which));
  return { allocatable: amounts('allocatable'), available: amounts('available'), devices };
}

interface Zone {
  readonly id: number;
  readonly resources: readonly Resource[];
}

function readZone(zone: unknown): Zone[] {
  if (!isRecord(zone) || zone.type !== 'Node' || typeof zone.name !== 'string') return [];
  const [, id] = ZONE_NAME.exec(zone.name) ?? [];
  return id === undefined ? [] : [{ id: Number(id), resources: listOf(zone.resources).flatMap(readResource) }];
}

function readResource(resource: unknown): Resource[] {
  if (!isRecord(resource) || typeof resource.name !== 'string') return [];
  const { name, allocatable, available, capacity } = resource;
  return [{ name, allocatable: wholeOf(allocatable ?? capacity), available: wholeOf(available) }];
}

/** Rounded down: half a CPU is none a guest can have for itself. */
function wholeOf(quantity: unknown): number {
  const parsed = parseQuantity(typeof quantity === 'number' ? String(quantity) : typeof quantity === 'string' ? quantity : '');
  return parsed.ok && parsed.value.nanos > 0n ? Number(parsed.value.nanos / 1_000_000_000n) : 0;
}

function amountsOf(id: number, resources: readonly Resource[], which: 'allocatable' | 'available'): ZoneAmounts {
  const amount = (name: string): number => resources.find((one) => one.name === name)?.[which] ?? 0;
  const pages = (size: '2Mi' | '1Gi'): number => Math.floor(amount(`hugepages-${size}`) / PAGE_BYTES[size]);
  return { id, cpus: amount('cpu'), memory: { plain: amount('memory'), '2Mi': pages('2Mi'), '1Gi': pages('1Gi') } };
}

function has(resources: readonly Resource[], name: string): boolean {
  return resources.some((one) => one.name === name);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
