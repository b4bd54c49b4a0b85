import type { TSchema } from '@sinclair/typebox';
import { GuestSpec } from './guest-spec.ts';
import { PREFIX } from './names.ts';
import { DIMENSIONS } from './placement.ts';

/**
 * The GuestSpec fields a VirtualMachinePolicy governs, one row each: schema, defaults, checks and the reference page come from here. A
 * new GuestSpec field needs a row, or a line in {@link UNGOVERNED}; a test says which one is missing.
 */

/**
 * How a field is judged. `choice`: one of the GuestSpec's own values; `text`: patterns; `names`: a list of signed names; `count`: a whole
 * number, or the length of a list; `bytes`: a quantity of memory.
 */
export type PolicyFieldKind = 'choice' | 'text' | 'names' | 'count' | 'bytes';

/** Where a default is written when the user said nothing. */
export type DefaultTarget = { readonly annotation: string } | { readonly resource: 'cpu' | 'memory' };

export interface PolicyField {
  /** Name under `spec.guest` of a policy. */
  readonly name: string;
  readonly kind: PolicyFieldKind;
  /** Where it stands in the GuestSpec, by dots. */
  readonly path: string;
  /** What it is called in the pod, for messages; `{container}` stands for the path of the guest container. */
  readonly from: string;
  /** No entry: a policy can have no default for it. */
  readonly writes?: DefaultTarget;
  readonly doc: string;
}

/** A field that an annotation of ours sets. */
function annotated(name: string, annotation: string, field: Pick<PolicyField, 'kind' | 'path' | 'doc'>): PolicyField {
  const full = PREFIX + annotation;
  return { name, from: `metadata.annotations[${full}]`, writes: { annotation: full }, ...field };
}

function topology(name: string, path: string): PolicyField {
  const from = `metadata.annotations[${PREFIX}cpu-topology]`;
  return {
    name,
    kind: 'count',
    path,
    from,
    doc: `\`${path.split('.').at(-1) ?? ''}\` of the CPU topology, when the pod asks for one.`,
  };
}

export const POLICY_FIELDS: readonly PolicyField[] = [
  annotated('accelerator', 'accelerator', { kind: 'choice', path: 'accelerator', doc: 'What executes the guest.' }),
  annotated('bootMode', 'boot', { kind: 'choice', path: 'boot.mode', doc: 'Where the guest boots from.' }),
  {
    name: 'pullPolicy',
    kind: 'choice',
    path: 'boot.pullPolicy',
    from: '{container}.imagePullPolicy',
    doc: 'When the boot image is pulled.',
  },
  annotated('machine', 'machine', { kind: 'choice', path: 'machine', doc: 'The machine type.' }),
  annotated('firmware', 'firmware', { kind: 'choice', path: 'firmware', doc: 'What starts the guest.' }),
  annotated('tpm', 'tpm', { kind: 'choice', path: 'tpm', doc: 'A TPM, when the guest has one.' }),
  annotated('watchdog', 'watchdog', { kind: 'choice', path: 'watchdog', doc: 'What a watchdog does, when the guest has one.' }),
  annotated('panic', 'panic', { kind: 'choice', path: 'panic', doc: 'What a panic of the guest does, other than `exit`.' }),
  annotated('rng', 'rng', { kind: 'choice', path: 'rng', doc: 'Without random numbers (`none`).' }),
  annotated('clock', 'clock', { kind: 'text', path: 'clock', doc: 'Time zone of the clock, when it is not UTC.' }),
  annotated('cloudInitSecret', 'cloud-init', { kind: 'text', path: 'cloudInit.secret', doc: 'Secret for cloud-init.' }),
  annotated('cpuModel', 'cpu-model', { kind: 'text', path: 'cpu.model', doc: 'The CPU the guest sees.' }),
  annotated('cpuFeatures', 'cpu-features', {
    kind: 'names',
    path: 'cpu.features',
    doc: 'CPU features the pod switches: `+vmx` is the feature switched on, `-vmx` off, `vmx` either.',
  }),
  topology('cpuSockets', 'cpu.topology.sockets'),
  topology('cpuCores', 'cpu.topology.cores'),
  topology('cpuThreads', 'cpu.topology.threads'),
  {
    name: 'vcpus',
    kind: 'count',
    path: 'vcpus',
    from: '{container}.resources.limits.cpu',
    writes: { resource: 'cpu' },
    doc: 'Virtual CPUs.',
  },
  {
    name: 'memory',
    kind: 'bytes',
    path: 'memoryBytes',
    from: '{container}.resources.limits.memory',
    writes: { resource: 'memory' },
    doc: 'Guest RAM.',
  },
  annotated('emulatorThreads', 'emulator-threads', {
    kind: 'choice',
    path: 'dedicatedCpus.emulatorThreads',
    doc: 'Where the threads of QEMU run that are no vCPU, when the guest has dedicated CPUs; no value is allowed: no guest may have them.',
  }),
  {
    name: 'hugepages',
    kind: 'choice',
    path: 'hugepages',
    from: '{container}.resources.limits.hugepages-*',
    doc: 'Size of the pages of guest RAM, when they are huge.',
  },
  {
    name: 'numaCells',
    kind: 'count',
    path: 'numa.cells',
    from: `metadata.annotations[${PREFIX}numa]`,
    doc: 'NUMA nodes inside the guest, when it has several.',
  },
  {
    name: 'claims',
    kind: 'count',
    path: 'claims',
    from: '{container}.resources.claims',
    doc: 'ResourceClaims whose devices are for the guest.',
  },
  { name: 'disks', kind: 'count', path: 'disks', from: '{container}.volumeDevices', doc: 'Block claims beside the boot disk.' },
  {
    name: 'networkCount',
    kind: 'count',
    path: 'networks',
    from: 'metadata.annotations[k8s.v1.cni.cncf.io/networks]',
    doc: 'Networks, the pod network included.',
  },
  {
    name: 'gracePeriodSeconds',
    kind: 'count',
    path: 'gracePeriodSeconds',
    from: 'spec.terminationGracePeriodSeconds',
    doc: 'Seconds from the power button to force. No default: the API server writes its own (30) before anybody else sees the pod.',
  },
];

/** GuestSpec fields without a row, and why. `[]` marks the elements of a list. */
export const UNGOVERNED: Readonly<Record<string, string>> = {
  version: 'of the GuestSpec itself',
  container: 'a name inside the pod',
  overheadBytes: 'computed by Podvisor',
  'boot.image': 'governed by spec.images',
  hostDevices: 'governed by spec.devices',
  'hostDevices[].resource': 'governed by spec.devices',
  'hostDevices[].count': 'a matter of quotas on the resource',
  ...Object.fromEntries(DIMENSIONS.map((name) => [`placement.${name}`, 'governed by spec.placement'])),
  emulatedBy: 'what the cluster offered, not a choice',
  'disks[].volume': 'a name inside the pod',
  ...Object.fromEntries(
    ['bus', 'serial', 'bootIndex', 'cache'].flatMap((key) => [
      [`disks[].${key}`, 'matters inside the guest only'],
      [`bootDisk.${key}`, 'matters inside the guest only'],
    ]),
  ),
  'disks[].readOnly': 'asks for less',
  'networks[].name': 'governed by spec.networks.allowed and forbidden',
  'networks[].interface': 'a name inside the pod',
  'networks[].binding': 'governed by spec.networks.bindings',
  'networks[].mac': 'identity, not a choice',
  'networks[].resource': 'follows from the network, which spec.networks governs',
  'networks[].physicalNetwork': 'follows from the network, which spec.networks governs',
};

/** Schema of a GuestSpec field by its path; undefined = there is none. */
export function guestFieldSchema(path: string): TSchema | undefined {
  return path.split('.').reduce<TSchema | undefined>((schema, key) => {
    const inner = key.endsWith('[]') ? key.slice(0, -2) : key;
    const property = (schema?.['properties'] as Record<string, TSchema> | undefined)?.[inner];
    return key.endsWith('[]') ? (property?.['items'] as TSchema | undefined) : property;
  }, GuestSpec);
}

/** The values a `choice` can have: those of the GuestSpec; of a flag, its two as texts. */
export function choicesOf(path: string): readonly string[] {
  const schema = guestFieldSchema(path);
  if (schema?.['type'] === 'boolean') return ['false', 'true'];
  return ((schema?.['enum'] as readonly unknown[] | undefined) ?? []).map(String);
}

/** What a guest has in a field: a text, a number, texts of a list; undefined = the guest does not have it. */
export type GuestFieldReader = (guest: GuestSpec) => string | number | readonly string[] | undefined;

export function guestFieldReader({ kind, path }: PolicyField): GuestFieldReader {
  const keys = path.split('.');
  return (guest) => {
    const value = keys.reduce<unknown>(fieldOf, guest);
    if (Array.isArray(value)) return kind === 'count' ? value.length : value.map(String);
    if (typeof value === 'boolean') return String(value);
    return typeof value === 'string' || typeof value === 'number' ? value : undefined;
  };
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
