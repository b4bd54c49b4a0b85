import { type Static, Type } from '@sinclair/typebox';
import { Placement } from './placement.ts';

/**
 * The GuestSpec: what admission understood of a pod, the one waist of the system (design section 2). One source for the TypeScript type,
 * the validation of the stored annotation (ajv, strict) and the reference page. Every string in it that reaches QEMU's command line or a
 * path is closed in by a pattern here, so that neither a forged annotation nor a bug upstream can smuggle in an option.
 */

const MIB = 1024 * 1024;

/** Limits of a guest; the same numbers guard admission and the stored spec. */
export const GUEST_LIMITS = {
  /** q35 without interrupt remapping addresses 255 CPUs. */
  vcpus: { min: 1, max: 255 },
  memoryBytes: { min: 16 * MIB, max: 4 * 1024 * 1024 * MIB, step: MIB },
  /** One PCI slot each, 0x10-0x1e and 0x08-0x0f (guest/pci.ts). */
  disks: 15,
  networks: 8,
  cpuFeatures: 64,
  /** One PCI Express root port each. */
  hostDevices: 8,
  numaCells: { min: 2, max: 8 },
} as const;

/** A DNS label: container and volume names (Kubernetes' own rule, repeated because these names become QEMU options and paths). */
export const DNS_LABEL = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
/** A QEMU CPU model name. */
export const CPU_MODEL = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$';
/** A CPU feature with its sign: `+avx2`, `-la57`. */
export const CPU_FEATURE = '^[+-][a-z0-9][a-z0-9._-]{0,31}$';
/** A Linux network interface name that is also safe in a path and in a QEMU option. */
export const INTERFACE_NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$';
/** `pod` or `<namespace>/<network attachment>`. */
export const NETWORK_NAME = '^(pod|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)$';
/** A unicast MAC address, lower case. */
export const UNICAST_MAC = '^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$';
/** A resource of somebody's device plugin: a domain other than Kubernetes' and ours, and a name. */
export const EXTENDED_RESOURCE =
  '^(?!([a-z0-9.-]*\\.)?(kubernetes\\.io|podvisor\\.dev)/)[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$';
/** How a guest's NIC is joined to one of the pod's networks; docs/networks.md says what each costs and keeps. */
export const BINDINGS = ['masquerade', 'bridge', 'passt', 'macvtap', 'sriov'] as const;
/** An image reference: no blanks, no control characters. It goes into an image volume only, never to QEMU. */
export const IMAGE_REFERENCE = '^[A-Za-z0-9][A-Za-z0-9._:/@\\[\\]-]{0,1023}$';

/** A Kubernetes object's name (DNS subdomain), as Secrets have. */
export const OBJECT_NAME = '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$';
/** A serial number of a disk: virtio-blk's field has 20 bytes (VIRTIO_BLK_ID_BYTES). */
export const DISK_SERIAL = '^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$';
/** A time zone of the tz database. It becomes an environment variable and a path below /usr/share/zoneinfo. */
export const TIME_ZONE = '^[A-Z][A-Za-z0-9_+-]{0,30}(/[A-Z][A-Za-z0-9_+-]{0,30}){0,2}$';

const closed = { additionalProperties: false } as const;
const oneOf = <T extends string>(...values: T[]) => Type.Unsafe<T>({ type: 'string', enum: values });
/** A setting that is left out when it has its default. */
const setting = <T extends string>(description: string, ...values: T[]) =>
  Type.Optional(Type.Unsafe<T>({ type: 'string', enum: values, description }));
const count = (description: string, min: number, max: number) => Type.Integer({ minimum: min, maximum: max, description });
const vcpuCount = (description: string) => count(description, GUEST_LIMITS.vcpus.min, GUEST_LIMITS.vcpus.max);

const Boot = Type.Object(
  {
    mode: oneOf('disk', 'kernel'),
    image: Type.String({ pattern: IMAGE_REFERENCE, description: 'Image the guest boots from; mounted as an image volume.' }),
    pullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
  },
  closed,
);

const Topology = Type.Object(
  {
    sockets: vcpuCount('CPU sockets the guest sees.'),
    cores: vcpuCount('Cores in each socket.'),
    threads: vcpuCount('Threads on each core.'),
  },
  closed,
);

const Cpu = Type.Object(
  {
    model: Type.String({ pattern: CPU_MODEL, description: "QEMU's name of the CPU model." }),
    features: Type.Array(Type.String({ pattern: CPU_FEATURE }), {
      maxItems: GUEST_LIMITS.cpuFeatures,
      uniqueItems: true,
      description: 'Features switched on (+) or off (-) against the model.',
    }),
    topology: Type.Optional(Topology),
  },
  closed,
);

/** What can be said of any disk; all of it has defaults. */
const diskTuning = {
  bus: setting('How the disk is attached; virtio without it.', 'sata'),
  serial: Type.Optional(Type.String({ pattern: DISK_SERIAL, description: "Serial number; the volume's name without it." })),
  bootIndex: Type.Optional(count('Place in the boot order, 1 first; a claim without it is not booted.', 1, 99)),
  cache: setting(
    "Use of the node's page cache; without it none for claims, writeback for the boot disk.",
    'none',
    'writeback',
    'writethrough',
  ),
};

const BootDisk = Type.Object(diskTuning, closed);

const Disk = Type.Object(
  {
    volume: Type.String({ pattern: DNS_LABEL, description: "The pod's volume." }),
    readOnly: Type.Optional(Type.Literal(true, { description: 'The guest may not write.' })),
    ...diskTuning,
  },
  closed,
);

const Numa = Type.Object(
  {
    cells: count(
      'NUMA nodes inside the guest, with equal parts of memory and vCPUs.',
      GUEST_LIMITS.numaCells.min,
      GUEST_LIMITS.numaCells.max,
    ),
  },
  closed,
);

const HostDevice = Type.Object(
  {
    resource: Type.String({ pattern: EXTENDED_RESOURCE, description: "Extended resource in the guest container's limits." }),
    count: count('How many of it.', 1, GUEST_LIMITS.hostDevices),
  },
  closed,
);

const DedicatedCpus = Type.Object({ emulatorThreads: oneOf('share', 'isolate') }, closed);

const CloudInit = Type.Object(
  {
    secret: Type.String({
      pattern: OBJECT_NAME,
      description: 'Secret with user-data, network-config, meta-data or vendor-data.',
    }),
  },
  closed,
);

const Network = Type.Object(
  {
    name: Type.String({ pattern: NETWORK_NAME, description: '`pod`, or namespace/name of a NetworkAttachmentDefinition.' }),
    interface: Type.String({ pattern: INTERFACE_NAME, description: "Interface in the pod's network namespace." }),
    binding: oneOf(...BINDINGS),
    mac: Type.Optional(
      Type.String({
        pattern: UNICAST_MAC,
        description:
          "The guest's MAC address. Absent: the interface's own (bridge on the pod network), or derived by the node agent.",
      }),
    ),
    resource: Type.Optional(
      Type.String({
        pattern: EXTENDED_RESOURCE,
        description: 'Resource of a device plugin that goes with the network; the launcher container requests one for each use.',
      }),
    ),
    physicalNetwork: Type.Optional(
      Type.String({
        pattern: OBJECT_NAME,
        description: 'Physical network that the virtual function must be plugged into (binding sriov); any without it.',
      }),
    ),
  },
  closed,
);

/** Schema of the JSON in annotation `podvisor.dev/guest`, version v1. */
export const GuestSpec = Type.Object(
  {
    version: oneOf('v1'),
    container: Type.String({ pattern: DNS_LABEL, description: 'Name of the guest container.' }),
    boot: Boot,
    vcpus: vcpuCount('Virtual CPUs.'),
    cpu: Cpu,
    memoryBytes: Type.Integer({
      minimum: GUEST_LIMITS.memoryBytes.min,
      maximum: GUEST_LIMITS.memoryBytes.max,
      multipleOf: GUEST_LIMITS.memoryBytes.step,
      description: 'Guest RAM in bytes, whole MiB.',
    }),
    dedicatedCpus: Type.Optional(DedicatedCpus),
    hostDevices: Type.Optional(
      Type.Array(HostDevice, {
        minItems: 1,
        maxItems: GUEST_LIMITS.hostDevices,
        description: 'PCI functions and mediated devices of the node for the guest, in the order asked for.',
      }),
    ),
    claims: Type.Optional(
      Type.Array(Type.String({ pattern: DNS_LABEL }), {
        minItems: 1,
        maxItems: GUEST_LIMITS.hostDevices,
        uniqueItems: true,
        description: "ResourceClaims of the guest container whose devices are the guest's.",
      }),
    ),
    emulatedBy: setting('Why the guest is emulated when nobody asked for it: no node offered KVM at admission.', 'fallback'),
    hugepages: setting('Size of the huge pages all guest RAM is of.', '2Mi', '1Gi'),
    numa: Type.Optional(Numa),
    placement: Type.Optional(Placement),
    overheadBytes: Type.Integer({
      minimum: 0,
      maximum: GUEST_LIMITS.memoryBytes.max,
      description: 'What the pod needs beyond guest RAM, in bytes (guest/overhead.ts).',
    }),
    machine: oneOf('q35'),
    firmware: oneOf('bios', 'uefi', 'uefi-secure'),
    accelerator: oneOf('kvm', 'tcg'),
    tpm: setting('A TPM 2.0 whose state lives as long as the pod.', 'ephemeral'),
    watchdog: setting('What a watchdog the guest stopped feeding does.', 'reset', 'poweroff', 'pause'),
    panic: setting("What a panic of the guest's kernel does, other than ending the pod's container.", 'pause', 'ignore'),
    rng: setting('No source of random numbers.', 'none'),
    clock: Type.Optional(Type.String({ pattern: TIME_ZONE, description: "Zone of the real-time clock's time; UTC without it." })),
    cloudInit: Type.Optional(CloudInit),
    bootDisk: Type.Optional(BootDisk),
    disks: Type.Array(Disk, {
      maxItems: GUEST_LIMITS.disks,
      uniqueItems: true,
      description: 'Block claims in volumeDevices order: the next disks after the boot disk.',
    }),
    networks: Type.Array(Network, {
      minItems: 1,
      maxItems: GUEST_LIMITS.networks,
      description: "The pod's own network, then secondary networks in the order asked for.",
    }),
    gracePeriodSeconds: Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, description: 'Time from the power button to force.' }),
  },
  closed,
);
export type GuestSpec = Static<typeof GuestSpec>;
export type Accelerator = GuestSpec['accelerator'];
export type BootMode = GuestSpec['boot']['mode'];
export type CpuTopology = Static<typeof Topology>;
export type GuestNetwork = Static<typeof Network>;
export type HostDevice = Static<typeof HostDevice>;
export type GuestDisk = Static<typeof Disk>;
export type DiskTuning = Static<typeof BootDisk>;
export type Firmware = GuestSpec['firmware'];
