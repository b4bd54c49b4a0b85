import { PAGE_BYTES, PAGE_SIZES, type PageSize } from '../../api/huge-pages.ts';
import { NODE_REPORT_LIMITS, type NodeReportStatus } from '../../api/node-report.ts';
import { parseList } from './cpu-list.ts';
import { type Tree, wholeNumber } from './tree.ts';

/** A zone as the report has it, and which CPUs are in it. */
export interface ZoneFacts {
  readonly zone: NodeReportStatus['zones'][number];
  readonly cpuIds: readonly number[];
}

type Hugepages = NodeReportStatus['zones'][number]['hugepages'];

const NODES = 'devices/system/node';
const KIB = 1024;
/** ACPI: the distance of a zone to itself, and what Linux assumes of others when the firmware says nothing (REMOTE_DISTANCE). */
const LOCAL_DISTANCE = 10;
const REMOTE_DISTANCE = 20;

/**
 * NUMA zones that are online, by /sys/devices/system/node (Documentation/ABI/stable/sysfs-devices-node). Zones without memory or without
 * CPUs are zones too. A kernel without NUMA has no such directory: then all of the machine is one zone.
 */
export function readZones(sys: Tree, proc: Tree): readonly ZoneFacts[] {
  const ids = zoneIds(sys);
  const zones = ids.length === 0 ? [wholeMachine(sys, proc)] : ids.map((id) => readZone(sys, id, ids));
  return withoutReserved(zones.slice(0, NODE_REPORT_LIMITS.zones), sys);
}

function zoneIds(sys: Tree): readonly number[] {
  const present = sys.names(NODES).flatMap((name) => /^node(\d{1,4})$/.exec(name)?.slice(1).map(Number) ?? []);
  const online = sys.text(`${NODES}/online`);
  const listed = online === '' ? present : parseList(online).filter((id) => present.includes(id));
  return [...listed].sort((a, b) => a - b);
}

function readZone(sys: Tree, id: number, ids: readonly number[]): ZoneFacts {
  const directory = `${NODES}/node${id}`;
  const cpuIds = parseList(sys.text(`${directory}/cpulist`));
  const zone = {
    id,
    cpus: cpuIds.length,
    memory: memoryOf(fieldsOf(sys.text(`${directory}/meminfo`))),
    hugepages: hugepagesOf(sys, `${directory}/hugepages`),
    distances: distancesOf(sys.text(`${directory}/distance`), id, ids),
  };
  return { zone, cpuIds };
}

function wholeMachine(sys: Tree, proc: Tree): ZoneFacts {
  const cpuIds = parseList(sys.text('devices/system/cpu/online'));
  const zone = {
    id: 0,
    cpus: cpuIds.length,
    memory: memoryOf(fieldsOf(proc.text('meminfo'))),
    hugepages: hugepagesOf(sys, 'kernel/mm/hugepages'),
    distances: [LOCAL_DISTANCE],
  };
  return { zone, cpuIds };
}

/** Lines `Node 0 MemFree: 12 kB` of a zone, or `MemFree: 12 kB` of the machine; in bytes. */
function fieldsOf(meminfo: string): ReadonlyMap<string, number> {
  const lines = [...meminfo.matchAll(/^(?:Node \d+ )?([\w()]+):\s+(\d+) kB$/gm)];
  return new Map(lines.map(([, name = '', amount]) => [name, Number(amount) * KIB]));
}

/** As the kernel's own MemAvailable for the whole machine, less its watermarks: it has no such field for a zone. */
function memoryOf(fields: ReadonlyMap<string, number>): { totalBytes: number; freeBytes: number } {
  const sum = (...names: string[]): number => names.reduce((total, name) => total + (fields.get(name) ?? 0), 0);
  const reclaimable = fields.has('KReclaimable') ? 'KReclaimable' : 'SReclaimable';
  const totalBytes = sum('MemTotal');
  return { totalBytes, freeBytes: Math.min(totalBytes, sum('MemFree', 'Active(file)', 'Inactive(file)', reclaimable)) };
}

function hugepagesOf(sys: Tree, directory: string): Hugepages {
  const sizes = PAGE_SIZES.flatMap((size) => {
    const pool = `${directory}/hugepages-${PAGE_BYTES[size] / KIB}kB`;
    const total = wholeNumber(sys.text(`${pool}/nr_hugepages`));
    const free = wholeNumber(sys.text(`${pool}/free_hugepages`)) ?? 0;
    return total === undefined || total === 0 ? [] : [[size, { total, free: Math.min(free, total) }] as const];
  });
  return Object.fromEntries(sizes);
}

/** One number for each zone that is online, in their order (drivers/base/node.c, node_read_distance). */
function distancesOf(text: string, id: number, ids: readonly number[]): number[] {
  const told = text.split(/\s+/).map(wholeNumber);
  return ids.map((other, index) => told[index] ?? (other === id ? LOCAL_DISTANCE : REMOTE_DISTANCE));
}

/**
 * Pages that a process has mapped but not touched are free in their zone, but promised: no zone can give more than all zones together have
 * unpromised. Promises belong to no zone (resv_hugepages exists for the whole machine only).
 */
function withoutReserved(zones: readonly ZoneFacts[], sys: Tree): readonly ZoneFacts[] {
  return PAGE_SIZES.reduce<readonly ZoneFacts[]>((before, size) => {
    const all = before.reduce((sum, { zone }) => sum + (zone.hugepages[size]?.free ?? 0), 0);
    const reserved = wholeNumber(sys.text(`kernel/mm/hugepages/hugepages-${PAGE_BYTES[size] / KIB}kB/resv_hugepages`)) ?? 0;
    return reserved === 0 ? before : before.map((facts) => capped(facts, size, Math.max(0, all - reserved)));
  }, zones);
}

function capped({ zone, cpuIds }: ZoneFacts, size: PageSize, most: number): ZoneFacts {
  const pages = zone.hugepages[size];
  if (pages === undefined) return { zone, cpuIds };
  const hugepages = { ...zone.hugepages, [size]: { ...pages, free: Math.min(pages.free, most) } };
  return { zone: { ...zone, hugepages }, cpuIds };
}
