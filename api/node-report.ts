import { type Static, Type } from '@sinclair/typebox';

/**
 * NodeReport: what only a node's agent knows and placement needs (design section 6). Cluster-scoped, named like its node, status only;
 * the agent writes it on change and at most every ten seconds. One source for the TypeScript type and the CRD. Every list and text is
 * bounded: an agent that went wrong must not fill etcd.
 *
 * Memory is in bytes, page counts are numbers of pages of that size, CPUs are logical CPUs.
 */

export const NODE_REPORT_KIND = 'NodeReport';
export const NODE_REPORT_PLURAL = 'nodereports';

/** Most entries of each list. Linux knows 1024 NUMA nodes; real machines have up to 32 (4 sockets with sub-NUMA clustering). */
export const NODE_REPORT_LIMITS = { zones: 64, functions: 64, models: 256, features: 512, machines: 64, vms: 1024 } as const;

const closed = { additionalProperties: false } as const;
const amount = (description: string) => Type.Integer({ minimum: 0, description });
const text = (maxLength: number, description: string) => Type.String({ maxLength, description });
const listOf = <T extends Parameters<typeof Type.Array>[0]>(items: T, maxItems: number, description: string) =>
  Type.Array(items, { maxItems, description });

const Pages = Type.Object(
  {
    total: amount('Pages the kernel has set aside.'),
    free: amount('Pages a new guest can have: held by no process, and not promised to one.'),
  },
  closed,
);

const Zone = Type.Object(
  {
    id: amount('Number of the NUMA node, as in /sys/devices/system/node/nodeN.'),
    cpus: amount('Logical CPUs online in the zone.'),
    dedicatedCpus: Type.Optional(
      Type.Object(
        {
          total: amount('CPUs of the zone that containers can be given for themselves.'),
          free: amount('Those that no container was given, by the kubelet.'),
        },
        { ...closed, description: 'Missing where the kubelet gives out none: it runs without the static CPU policy.' },
      ),
    ),
    memory: Type.Object(
      {
        totalBytes: amount('MemTotal of the zone, pools of huge pages included.'),
        freeBytes: amount('Memory that can be had without swapping: free, page cache and reclaimable slab. An estimate.'),
      },
      closed,
    ),
    hugepages: Type.Object({ '2Mi': Type.Optional(Pages), '1Gi': Type.Optional(Pages) }, closed),
    distances: listOf(
      amount('ACPI SLIT distance; 10 is the zone itself.'),
      NODE_REPORT_LIMITS.zones,
      'Distance to each zone, in the order of zones.',
    ),
  },
  { ...closed, description: 'A NUMA zone of the node.' },
);

const PhysicalFunction = Type.Object(
  {
    address: text(16, 'PCI address, DDDD:BB:DD.F; the domain has up to eight digits behind a VMD controller.'),
    interface: Type.Optional(text(15, 'Its network interface on the node.')),
    zone: Type.Optional(amount('NUMA zone of the device; missing when the firmware names none.')),
    driver: Type.Optional(text(63, 'Kernel driver of the physical function.')),
    physicalNetwork: Type.Optional(text(253, 'Name the admin gave to the network it is plugged into.')),
    resource: Type.Optional(text(316, 'Extended resource under which a device plugin offers its VFs.')),
    linkUp: Type.Boolean({
      description: 'Whether the interface has carrier; true where nobody can tell, as without an interface on the node.',
    }),
    vfs: Type.Object(
      { total: amount('VFs made, of this resource.'), free: amount('VFs no container was given, by the kubelet.') },
      closed,
    ),
  },
  {
    ...closed,
    description:
      'An SR-IOV physical function and its virtual functions. One whose functions are offered under several resources is listed once for each.',
  },
);

const VmUse = Type.Object(
  {
    podUid: text(63, 'UID of the VM pod.'),
    zones: listOf(
      Type.Object(
        {
          id: amount('NUMA zone.'),
          cpus: amount('CPUs of the zone that are this VM’s alone (static CPU policy); 0 when it has none of its own.'),
          memoryBytes: amount('Guest memory in the zone, of pages of any size.'),
          hugepages: Type.Object(
            { '2Mi': Type.Optional(amount('Pages held.')), '1Gi': Type.Optional(amount('Pages held.')) },
            closed,
          ),
        },
        closed,
      ),
      NODE_REPORT_LIMITS.zones,
      'What it holds, by zone.',
    ),
    functions: Type.Optional(
      listOf(text(16, 'PCI address of a physical function.'), 16, 'The physical function of each VF it holds.'),
    ),
  },
  { ...closed, description: 'What a running VM holds of the node.' },
);

export const NodeReportStatus = Type.Object(
  {
    observedTime: text(
      32,
      'When the agent read this, RFC 3339. It is written on change, so an old time is no sign of a dead agent.',
    ),
    accelerator: Type.Unsafe<'kvm' | 'tcg'>({
      type: 'string',
      enum: ['kvm', 'tcg'],
      description: 'Best accelerator the self-test passed.',
    }),
    qemuVersion: text(63, 'QEMU of the agent’s image, the same as in the launcher image of its version.'),
    machines: listOf(text(63, 'Versioned QEMU machine type.'), NODE_REPORT_LIMITS.machines, 'Machine types that QEMU runs.'),
    cpu: Type.Object(
      {
        vendor: text(63, 'vendor_id of /proc/cpuinfo.'),
        models: listOf(
          text(63, 'QEMU CPU model.'),
          NODE_REPORT_LIMITS.models,
          'Named CPU models that run here without a missing feature.',
        ),
        features: listOf(
          text(31, 'CPU flag, in QEMU’s spelling.'),
          NODE_REPORT_LIMITS.features,
          'Features a guest can be given.',
        ),
      },
      closed,
    ),
    zones: listOf(Zone, NODE_REPORT_LIMITS.zones, 'NUMA zones; one on a machine without NUMA.'),
    functions: listOf(PhysicalFunction, NODE_REPORT_LIMITS.functions, 'SR-IOV physical functions.'),
    vms: listOf(VmUse, NODE_REPORT_LIMITS.vms, 'Running VMs.'),
    summary: Type.Optional(text(253, 'Free huge pages by zone, for people (kubectl get nodereports).')),
  },
  closed,
);
export type NodeReportStatus = Static<typeof NodeReportStatus>;

/** The object as the API server has it. */
export interface NodeReport {
  readonly apiVersion: 'podvisor.dev/v1alpha1';
  readonly kind: typeof NODE_REPORT_KIND;
  readonly metadata: { readonly name: string; readonly uid?: string; readonly resourceVersion?: string };
  readonly status?: NodeReportStatus;
}
