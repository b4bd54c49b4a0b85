import { GUEST_ANNOTATION, PLAN_ANNOTATION, POLICY_DEFAULTS_ANNOTATION, PREFIX } from './names.ts';
import { DEFAULT_WEIGHTS, type Dimension, MAX_WEIGHT } from './placement.ts';

/**
 * Every annotation of ours a pod can carry: the one table that the parser, its error messages and docs/reference/annotations.md are made
 * from. What is planned but not built is listed too, so that it is refused by name instead of being called unknown.
 */

/** `not yet`: known, refused. `internal`: written by Podvisor, refused from users. */
export type AnnotationStatus = 'supported' | 'not yet' | 'internal';

export interface AnnotationChoice {
  readonly value: string;
  readonly status: 'supported' | 'not yet';
  readonly doc: string;
  /** For `not yet`: why. */
  readonly reason?: string;
}

export interface AnnotationSchema {
  /** Full name with prefix. */
  readonly name: string;
  readonly status: AnnotationStatus;
  readonly doc: string;
  /** What a value may be, in words that complete "allowed: …". */
  readonly allowed: string;
  /** What holds without it, in words. */
  readonly default: string;
  /** The closed list of values, for annotations that have one. */
  readonly choices?: readonly AnnotationChoice[];
  /** For `not yet`: what to do today. */
  readonly instead?: string;
}

/** Prefix of the family that tunes placement. */
export const PLACEMENT_PREFIX = `placement.${PREFIX}`;

/** With a reason the value is known and refused. */
type Choice = readonly [value: string, doc: string, reason?: string];

function choice(name: string, doc: string, choices: readonly Choice[]): AnnotationSchema {
  const list = choices.map(([value, text, reason]): AnnotationChoice => ({
    value,
    doc: text,
    status: reason === undefined ? 'supported' : 'not yet',
    ...(reason === undefined ? {} : { reason }),
  }));
  const supported = list.filter((one) => one.status === 'supported').map((one) => `\`${one.value}\``);
  const first = supported[0] ?? '';
  return { name: PREFIX + name, status: 'supported', doc, allowed: supported.join(', '), default: first, choices: list };
}

function text(name: string, doc: string, allowed: string, fallback: string): AnnotationSchema {
  return { name: PREFIX + name, status: 'supported', doc, allowed, default: fallback };
}

function notYet(name: string, doc: string, instead: string): AnnotationSchema {
  return { name: PREFIX + name, status: 'not yet', doc, allowed: 'nothing yet', default: 'off', instead };
}

/** What each dimension's three words mean is in docs/placement.md. */
function placement(name: Dimension, doc: string): AnnotationSchema {
  const allowed = `\`require\`, \`prefer\`, \`prefer=WEIGHT\` with a weight from 1 to ${MAX_WEIGHT}, or \`ignore\``;
  const fallback = `\`prefer=${DEFAULT_WEIGHTS[name]}\`${name === 'hugepages' ? ', and one zone where the node reports its zones' : ''}`;
  return { name: PLACEMENT_PREFIX + name, status: 'supported', doc, allowed, default: fallback };
}

/** The schema, in the order of the reference page. */
export const ANNOTATIONS: readonly AnnotationSchema[] = [
  choice('boot', "Where the guest boots from; the image is the guest container's `image`.", [
    ['disk', 'A container disk: the image holds one `/disk/*.qcow2`, `.img` or `.raw`.'],
    ['kernel', 'The image holds `/boot/vmlinuz` and `/boot/initrd.img`; there is no boot disk.'],
    ['rootfs', 'Any container image, its file tree booted as a VM.', 'no root file system is made of an image tree yet'],
    [
      'volume',
      'A PersistentVolumeClaim holds the boot disk.',
      'the boot disk is made from the image; to boot from a block claim, give it a lower boot place than root in podvisor.dev/disks',
    ],
  ]),
  text(
    'container',
    'Which container is the guest; the others stay containers beside the VM.',
    'the name of one container of the pod',
    'the first container',
  ),
  choice('machine', 'The machine type.', [
    ['q35', 'A PC with PCI Express (`pc-q35-10.0`).'],
    [
      'microvm',
      'A minimal PC without PCI.',
      'it has no ACPI power button, UEFI or PCI devices, and saves less than 10 MiB against q35',
    ],
    ['virt', 'The generic ARM and RISC-V machine.', 'the launcher holds QEMU for x86-64 only'],
  ]),
  choice('firmware', 'What starts the guest.', [
    ['bios', 'SeaBIOS.'],
    ['uefi', 'EDK II. Its variables live as long as the pod. Common boot loaders need 256 MiB of guest RAM.'],
    [
      'uefi-secure',
      "EDK II with Secure Boot on and Microsoft's keys enrolled: only signed boot loaders start (most distributions' shim is signed). Not with `boot: kernel`.",
    ],
  ]),
  text(
    'cpu-model',
    'The CPU the guest sees. A named model keeps the guest movable between nodes with different CPUs.',
    "a CPU model of QEMU 10.0 (`qemu-system-x86_64 -cpu help`), `host` (the node's own CPU; needs KVM) or `max` (all the accelerator can do)",
    '`host` with KVM, `max` with emulation',
  ),
  text(
    'cpu-features',
    'CPU features to switch on or off against the model.',
    'features of QEMU 10.0, each with its sign, separated by commas: `+avx2,-la57`',
    'as the model has them',
  ),
  text(
    'cpu-topology',
    'How the vCPUs are laid out; their number comes from the CPU limit. A part left out is 1.',
    '`sockets=N,cores=N,threads=N`, whose product is the number of vCPUs',
    'one socket, one thread on each core',
  ),
  choice('accelerator', 'How the guest is executed.', [
    [
      'auto',
      'KVM when the cluster has nodes that offer it, else emulation, with a warning at admission and in the Event of the start.',
    ],
    ['kvm', 'Hardware virtualisation. When no node offers it, the pod is admitted with a warning and waits as Pending.'],
    ['tcg', 'Emulation: works everywhere, several times slower.'],
  ]),
  text(
    'disks',
    'Settings of disks, by name: `root` is the boot disk, others are volumes in `volumeDevices`. Keys: `bus` (`virtio`, `sata`), `serial` (1 to 20 characters), ' +
      '`boot` (place in the boot order, 1 first), `cache` (`none`: past the page cache of the node, `writeback`, `writethrough`), `readonly` (`true`, `false`; claims on virtio only).',
    '`NAME: key=value,key=value`, entries separated by `;` or line breaks: `root: boot=2; data: serial=D1,boot=1`',
    'virtio, the serial is the name of the volume, only `root` is booted, claims are not cached (`cache=none`), `root` is (`cache=writeback`)',
  ),
  text(
    'cloud-init',
    'Makes a NoCloud disk (label `cidata`, read-only) of the keys `user-data`, `network-config`, `meta-data` and `vendor-data` of a Secret in the namespace of the pod. ' +
      'Without the key `meta-data`, instance-id and local-hostname are the host name of the pod. The pod waits until the Secret exists; a change of it shows after a restart of the pod.',
    'the name of a Secret; the data itself is refused, because whoever may read pods could read it',
    'no such disk',
  ),
  choice('tpm', 'A virtual TPM 2.0 (swtpm, CRB interface). It has no endorsement certificate.', [
    ['none', 'No TPM.'],
    ['ephemeral', 'A TPM whose keys and sealed secrets are lost with the pod.'],
    ['persistent', 'A TPM whose state outlives the pod.', 'there is no place for its state yet'],
  ]),
  choice('watchdog', 'A watchdog device (i6300esb): what happens when the guest armed it and stops feeding it.', [
    ['none', 'No watchdog.'],
    ['reset', 'The guest is reset, inside the same pod.'],
    ['poweroff', 'The guest is switched off; the kubelet restarts the container by `restartPolicy`.'],
    ['pause', 'The CPUs of the guest stop; the pod is not ready.'],
  ]),
  choice('panic', "What a panic of the guest's kernel does, as the guest's pvpanic driver reports it.", [
    ['exit', 'The container ends with code 70; the kubelet restarts it by `restartPolicy`.'],
    ['pause', 'The CPUs of the guest stop, for an inspection; the pod is not ready.'],
    ['ignore', 'The guest goes on, for example to write a crash dump and reboot.'],
  ]),
  choice('rng', "A source of random numbers from the node's kernel.", [
    ['virtio', 'virtio-rng.'],
    ['none', 'None.'],
  ]),
  text(
    'clock',
    'What time the real-time clock shows. Linux guests expect UTC; Windows expects the local time of its own zone.',
    '`utc`, or a zone of the tz database such as `Europe/Berlin`',
    '`utc`',
  ),
  choice('video', 'A graphics card.', [
    ['none', 'None; the console is the serial one.'],
    ['std', 'A VGA card.', 'nothing shows its screen yet; use the serial console (kubectl attach)'],
  ]),
  text(
    'devices',
    'Which extended resources in the limits of the guest container are PCI functions or mediated devices (GPUs) for the guest; the others stay outside. ' +
      'Their device plugin must hand them out for vfio-pci. Devices of ResourceClaims in `resources.claims` are always for the guest. At most 8 devices together.',
    'names of resources in the limits, separated by commas: `nvidia.com/GA102GL,example.com/qat`',
    'none',
  ),
  choice(
    'dedicated-cpus',
    'CPUs of the node for this guest alone, each vCPU pinned to one. The CPU limit must be whole and requests equal to limits in all containers of the pod (QoS class Guaranteed), ' +
      'and the kubelet of the node needs the static CPU policy: where it lacks it, the guest does not start and the pod says so.',
    [
      ['false', 'vCPUs share the CPUs of the node.'],
      ['true', 'Each vCPU has a CPU.'],
    ],
  ),
  choice('emulator-threads', 'Where the threads of QEMU run that are no vCPU, with `dedicated-cpus`.', [
    ['share', 'On the CPUs of the guest.'],
    ['isolate', 'On one more CPU, which admission adds to limit and request.'],
  ]),
  text(
    'numa',
    'NUMA nodes inside the guest, with equal parts of memory and vCPUs; each is a CPU socket.',
    '`cells=N`, with N from 1 to 8; vCPUs, and RAM in pages, must be multiples of N',
    'one node',
  ),
  text(
    'networks',
    'How the guest is joined to its networks (docs/networks.md). Secondary networks are asked for with `k8s.v1.cni.cncf.io/networks`.',
    '`NETWORK=BINDING` entries separated by commas; NETWORK is `pod` or the interface of a secondary network (`net1`), BINDING one of `masquerade`, `bridge`, `passt`, `macvtap`, `sriov`: `pod=bridge,net1=macvtap`',
    'by what the network is: `masquerade` for the pod network, `sriov` for virtual functions, `macvtap` for macvtap and macvlan, else `bridge`',
  ),
  text(
    'hotplugged-claims',
    'PersistentVolumeClaims that are plugged into the guest while it runs, and are none of the volumes of the pod: where the VM is placed counts them as its other disks. ' +
      'For whoever plugs them, and carries this over to the next pod of the VM; nothing of Podvisor plugs volumes yet.',
    "names of claims in the pod's namespace, separated by commas: `data,logs`",
    'none',
  ),
  notYet('migration', 'Policy of live migration.', 'remove it'),
  notYet('power', 'Whether the guest runs or is paused.', 'remove it'),
  placement(
    'hugepages',
    'Huge pages of the guest in one NUMA zone of the node (of each of its NUMA nodes, when it has several). `prefer`: they may come from several zones.',
  ),
  placement(
    'numa',
    "Memory, dedicated CPUs and SR-IOV functions of the guest in the same NUMA zones of the node, as far as the node's report tells.",
  ),
  placement('sriov', 'SR-IOV functions of one resource on distinct physical functions that have carrier.'),
  placement(
    'storage',
    'Nodes that have a copy of the disks, and room for new ones. `require`: a copy of every disk whose place is known. `ignore`: not even the room that claims in flight leave is looked at.',
  ),
  placement('spread', 'Few VMs on a node. `require`: no two VMs of one controller (ReplicaSet, StatefulSet) on a node.'),
  placement('mobility', 'Nodes that the guest could later be moved to. `require`: at least one, now.'),
  placement('image', 'Nodes that have the boot image. `require`: only those.'),
  {
    name: GUEST_ANNOTATION,
    status: 'internal',
    doc: 'What admission understood of the pod (the GuestSpec, JSON); every other part of Podvisor reads this alone.',
    allowed: 'nothing: Podvisor writes it',
    default: 'written at admission',
  },
  {
    name: PLAN_ANNOTATION,
    status: 'internal',
    doc: 'Where in its node the scheduler means a VM to be (JSON), so that no other VM is promised the same while it starts; its memory is taken there.',
    allowed: 'nothing: Podvisor writes it',
    default: 'written when the pod is bound, for guests with huge pages, dedicated CPUs or SR-IOV functions',
  },
  {
    name: POLICY_DEFAULTS_ANNOTATION,
    status: 'internal',
    doc: 'Which fields the defaults of VirtualMachinePolicies filled in, and which policy each: `memory=base,accelerator=lab`. For people only: nothing reads it.',
    allowed: 'nothing: Podvisor writes it',
    default: 'written at admission',
  },
];

/** Full names of all annotations a user may write, for suggestions. */
export const USER_ANNOTATION_NAMES: readonly string[] = ANNOTATIONS.filter((one) => one.status !== 'internal').map(
  (one) => one.name,
);

const byName = new Map(ANNOTATIONS.map((annotation) => [annotation.name, annotation]));

/** The schema of an annotation by its full name. */
export function annotationSchema(name: string): AnnotationSchema | undefined {
  return byName.get(name);
}

/** Whether a name lies in one of our families, so that an unknown one is a mistake and not somebody else's. */
export function isOurs(name: string): boolean {
  const [prefix = '', ...rest] = name.split('/');
  const domain = PREFIX.slice(0, -1);
  return rest.length > 0 && (prefix === domain || prefix.endsWith(`.${domain}`));
}
