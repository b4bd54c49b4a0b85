import type { Tree } from '../../agent/report/tree.ts';

/** Files of a tree by path; a symbolic link is what it points to, in an object. */
export type TreeFiles = Readonly<Record<string, string | { readonly to: string }>>;

/** A tree in memory. */
export function treeOf(files: TreeFiles): Tree {
  const paths = Object.keys(files);
  return {
    text: (path) => {
      const file = files[path];
      return typeof file === 'string' ? file.trim() : '';
    },
    names: (path) => {
      const below = paths.filter((one) => one.startsWith(`${path}/`)).map((one) => one.slice(path.length + 1).split('/')[0]!);
      return [...new Set(below)].sort();
    },
    target: (path) => {
      const file = files[path];
      return typeof file === 'object' ? (file.to.split('/').at(-1) ?? '') : '';
    },
  };
}

/** A NUMA node to build. Memory in GiB. */
export interface BuiltZone {
  readonly cpus: string;
  readonly gib: number;
  readonly distances: string;
  /** total and free by size in kB. */
  readonly pools?: Readonly<Record<number, readonly [total: number, free: number]>>;
}

const GIB_KB = 1024 * 1024;

/** /sys/devices/system/node of a machine: the files and formats of Linux 6.x (drivers/base/node.c), with a quarter of each zone's memory free. */
export function zoneFiles(zones: Readonly<Record<number, BuiltZone>>, online = Object.keys(zones).join(',')): TreeFiles {
  const entries = Object.entries(zones).flatMap(([id, zone]) => {
    const directory = `devices/system/node/node${id}`;
    const lines = Object.entries({
      MemTotal: zone.gib * GIB_KB,
      MemFree: (zone.gib * GIB_KB) / 8,
      'Active(file)': (zone.gib * GIB_KB) / 16,
      'Inactive(file)': (zone.gib * GIB_KB) / 32,
      KReclaimable: (zone.gib * GIB_KB) / 32,
      SReclaimable: (zone.gib * GIB_KB) / 32,
    }).map(([name, kb]) => `Node ${id} ${name}:${String(kb).padStart(14)} kB`);
    const pools = Object.entries(zone.pools ?? { 2048: [0, 0], 1048576: [0, 0] }).flatMap(([kb, [total, free]]) => [
      [`${directory}/hugepages/hugepages-${kb}kB/nr_hugepages`, String(total)],
      [`${directory}/hugepages/hugepages-${kb}kB/free_hugepages`, String(free)],
      [`${directory}/hugepages/hugepages-${kb}kB/surplus_hugepages`, '0'],
    ]);
    return [
      [`${directory}/cpulist`, `${zone.cpus}\n`],
      [`${directory}/distance`, `${zone.distances}\n`],
      [`${directory}/meminfo`, `${lines.join('\n')}\nNode ${id} HugePages_Total:     0\n`],
      ...pools,
    ];
  });
  return { 'devices/system/node/online': `${online}\n`, ...(Object.fromEntries(entries) as TreeFiles) };
}

/** A physical function to build. */
export interface BuiltFunction {
  readonly address: string;
  readonly interface?: string;
  readonly numaNode?: number;
  readonly driver?: string;
  readonly carrier?: string;
  readonly operstate?: string;
  readonly total?: number;
  /** Addresses of the virtual functions made. */
  readonly vfs: readonly string[];
}

/** /sys/bus/pci/devices of physical and virtual functions (Documentation/ABI/testing/sysfs-bus-pci, drivers/pci/iov.c). */
export function functionFiles(functions: readonly BuiltFunction[]): TreeFiles {
  const entries = functions.flatMap((pf): [string, TreeFiles[string]][] => {
    const directory = `bus/pci/devices/${pf.address}`;
    const net = pf.interface === undefined ? undefined : `${directory}/net/${pf.interface}`;
    return [
      [`${directory}/sriov_totalvfs`, `${pf.total ?? 64}\n`],
      [`${directory}/sriov_numvfs`, `${pf.vfs.length}\n`],
      [`${directory}/numa_node`, `${pf.numaNode ?? -1}\n`],
      ...(pf.driver === undefined ? [] : [[`${directory}/driver`, { to: `../../../../bus/pci/drivers/${pf.driver}` }] as const]),
      ...(net === undefined ? [] : [[`${net}/operstate`, `${pf.operstate ?? 'up'}\n`] as const]),
      ...(net === undefined || pf.carrier === undefined ? [] : [[`${net}/carrier`, `${pf.carrier}\n`] as const]),
      ...pf.vfs.flatMap((vf, index) => [
        [`${directory}/virtfn${index}`, { to: `../${vf}` }] as const,
        [`bus/pci/devices/${vf}/physfn`, { to: `../${pf.address}` }] as const,
        [`bus/pci/devices/${vf}/numa_node`, `${pf.numaNode ?? -1}\n`] as const,
      ]),
    ] as [string, TreeFiles[string]][];
  });
  return Object.fromEntries(entries);
}
