import { ANNOTATIONS } from '../../../api/annotations.ts';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import { type ParseContext, parseGuest } from '../../../api/parse-pod.ts';
import { parseGuestText } from '../../../api/parse-stored.ts';
import type { Container, Pod } from '../../../api/pod.ts';
import { violationsText } from '../../../api/violation.ts';
import { container, vmPod, withDefaults } from '../../build/pod.ts';

const BOTH: ParseContext = { accelerators: { kvm: true, tcg: true } };
const TCG: ParseContext = { accelerators: { kvm: false, tcg: true } };
const MIB = 1024 * 1024;

function guestOf(pod: Pod, context = BOTH): GuestSpec {
  const parsed = parseGuest(pod, context);
  if (!parsed.ok) throw new Error(violationsText(parsed.violations));
  return parsed.guest;
}

/** All violations as kubectl shows them; '' = accepted. */
function refusal(pod: Pod, context = BOTH): string {
  const parsed = parseGuest(pod, context);
  return parsed.ok ? '' : violationsText(parsed.violations);
}

const annotated = (annotations: Record<string, string>, guest: Partial<Container> = {}) => vmPod({ annotations, guest });
const sized = (limits: Record<string, string | number>, requests?: Record<string, string | number>) =>
  vmPod({ guest: { resources: { limits, ...(requests === undefined ? {} : { requests }) } } });

describe('parseGuest makes of the smallest pod', () => {
  it('a whole GuestSpec, overhead left to guest/', () => {
    expect(guestOf(vmPod())).toEqual({
      version: 'v1',
      container: 'guest',
      boot: { mode: 'disk', image: 'localhost/podvisor/guest-tiny:dev', pullPolicy: 'IfNotPresent' },
      vcpus: 1,
      cpu: { model: 'host', features: [] },
      memoryBytes: 128 * MIB,
      overheadBytes: 0,
      machine: 'q35',
      firmware: 'bios',
      accelerator: 'kvm',
      disks: [],
      networks: [{ name: 'pod', interface: 'eth0', binding: 'masquerade' }],
      gracePeriodSeconds: 30,
    });
  });

  it('the same GuestSpec when every default is written out', () => {
    const defaults = ANNOTATIONS.flatMap(({ name, choices }) => (choices === undefined ? [] : [[name, choices[0]?.value ?? '']]));
    const spelled = {
      ...(Object.fromEntries(defaults) as Record<string, string>),
      'podvisor.dev/clock': 'utc',
      'podvisor.dev/disks': 'root: bus=virtio',
    };
    expect(guestOf(annotated(spelled))).toEqual({ ...guestOf(vmPod()), bootDisk: {} });
  });

  it('the same GuestSpec whatever is plugged in while it runs', () => {
    expect(guestOf(annotated({ 'podvisor.dev/hotplugged-claims': 'data, logs.example' }))).toEqual(guestOf(vmPod()));
  });

  it('the same GuestSpec after the API server filled in its defaults', () => {
    expect(guestOf(withDefaults(vmPod()))).toEqual(guestOf(vmPod()));
  });

  it('something that reads back from the annotation', () => {
    const guest = guestOf(vmPod());
    expect(parseGuestText(JSON.stringify(guest))).toEqual({ ok: true, guest });
  });
});

describe('parseGuest reads', () => {
  const cases: Record<string, [Pod, Partial<GuestSpec>, ParseContext?]> = {
    'vCPUs from the CPU limit, rounded up': [sized({ cpu: '1500m', memory: '1Gi' }), { vcpus: 2 }],
    'vCPUs from the request when there is no limit': [sized({ memory: '1Gi' }, { cpu: '3' }), { vcpus: 3 }],
    'one vCPU when nothing is said': [sized({ memory: '1Gi' }), { vcpus: 1 }],
    'one vCPU for a zero request': [sized({ memory: '1Gi' }, { cpu: '0' }), { vcpus: 1 }],
    'numbers as hand-written YAML has them': [sized({ cpu: 2, memory: 134217728 }), { vcpus: 2, memoryBytes: 128 * MIB }],
    'memory from the limit, not the request': [sized({ memory: '256Mi' }, { memory: '64Mi' }), { memoryBytes: 256 * MIB }],
    'memory from the request when there is no limit': [sized({}, { memory: '64Mi' }), { memoryBytes: 64 * MIB }],
    '1.5Gi of memory': [sized({ memory: '1.5Gi' }), { memoryBytes: 1536 * MIB }],
    'the smallest memory': [sized({ memory: '16Mi' }), { memoryBytes: 16 * MIB }],
    'the largest memory': [sized({ memory: '4Ti' }), { memoryBytes: 4 * 1024 ** 4 }],
    'the most vCPUs': [sized({ cpu: '255', memory: '1Gi' }), { vcpus: 255 }],
    'kernel boot': [
      annotated({ 'podvisor.dev/boot': 'kernel' }),
      { boot: { mode: 'kernel', image: 'localhost/podvisor/guest-tiny:dev', pullPolicy: 'IfNotPresent' } },
    ],
    'pull policy Always for latest': [
      vmPod({ guest: { image: 'r.example:5000/a/vm' } }),
      { boot: { mode: 'disk', image: 'r.example:5000/a/vm', pullPolicy: 'Always' } },
    ],
    'pull policy IfNotPresent for a digest': [
      vmPod({ guest: { image: `vm@sha256:${'0'.repeat(64)}` } }),
      { boot: { mode: 'disk', image: `vm@sha256:${'0'.repeat(64)}`, pullPolicy: 'IfNotPresent' } },
    ],
    'the pull policy that is set': [
      vmPod({ guest: { imagePullPolicy: 'Never' } }),
      { boot: { mode: 'disk', image: 'localhost/podvisor/guest-tiny:dev', pullPolicy: 'Never' } },
    ],
    'the container that is named': [
      vmPod({
        annotations: { 'podvisor.dev/container': 'vm' },
        containers: [container(), container({ name: 'vm', resources: { limits: { memory: '32Mi' } } })],
      }),
      { container: 'vm', memoryBytes: 32 * MIB },
    ],
    'kvm for auto when there is KVM': [annotated({ 'podvisor.dev/accelerator': 'auto' }), { accelerator: 'kvm' }],
    'tcg and CPU max for auto without KVM': [vmPod(), { accelerator: 'tcg', cpu: { model: 'max', features: [] } }, TCG],
    'tcg when asked for': [annotated({ 'podvisor.dev/accelerator': 'tcg' }), { accelerator: 'tcg' }],
    'a CPU model': [
      annotated({ 'podvisor.dev/cpu-model': 'Skylake-Server-v5' }),
      { cpu: { model: 'Skylake-Server-v5', features: [] } },
    ],
    'CPU features': [
      annotated({ 'podvisor.dev/cpu-features': '+avx2, -la57' }),
      { cpu: { model: 'host', features: ['+avx2', '-la57'] } },
    ],
    'a CPU topology, parts left out being 1': [
      annotated({ 'podvisor.dev/cpu-topology': 'sockets=2,cores=2' }, { resources: { limits: { cpu: '4', memory: '64Mi' } } }),
      { vcpus: 4, cpu: { model: 'host', features: [], topology: { sockets: 2, cores: 2, threads: 1 } } },
    ],
    'block claims in order': [
      vmPod({
        guest: {
          volumeDevices: [
            { name: 'data', devicePath: '/dev/xvda' },
            { name: 'logs', devicePath: '/dev/xvdb' },
          ],
        },
      }),
      { disks: [{ volume: 'data' }, { volume: 'logs' }] },
    ],
    UEFI: [annotated({ 'podvisor.dev/firmware': 'uefi' }), { firmware: 'uefi' }],
    'Secure Boot': [annotated({ 'podvisor.dev/firmware': 'uefi-secure' }), { firmware: 'uefi-secure' }],
    'UEFI for a kernel': [annotated({ 'podvisor.dev/firmware': 'uefi', 'podvisor.dev/boot': 'kernel' }), { firmware: 'uefi' }],
    'TPM, watchdog, panic action, no random numbers': [
      annotated({
        'podvisor.dev/tpm': 'ephemeral',
        'podvisor.dev/watchdog': 'pause',
        'podvisor.dev/panic': 'ignore',
        'podvisor.dev/rng': 'none',
      }),
      { tpm: 'ephemeral', watchdog: 'pause', panic: 'ignore', rng: 'none' },
    ],
    'a time zone': [
      annotated({ 'podvisor.dev/clock': 'America/Argentina/Buenos_Aires' }),
      { clock: 'America/Argentina/Buenos_Aires' },
    ],
    'the Secret for cloud-init': [annotated({ 'podvisor.dev/cloud-init': 'web.seed' }), { cloudInit: { secret: 'web.seed' } }],
    'settings of disks': [
      annotated(
        { 'podvisor.dev/disks': 'data: serial=D.1 , boot=1,cache=writethrough\n root:bus=sata,boot=2' },
        { volumeDevices: [{ name: 'data', devicePath: '/dev/x' }] },
      ),
      {
        disks: [{ volume: 'data', serial: 'D.1', bootIndex: 1, cache: 'writethrough' }],
        bootDisk: { bus: 'sata', bootIndex: 2 },
      },
    ],
    'a read-only claim': [
      vmPod({
        guest: { volumeDevices: [{ name: 'data', devicePath: '/dev/x' }] },
        spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'c', readOnly: true } }] },
      }),
      { disks: [{ volume: 'data', readOnly: true }] },
    ],
    'RAM of huge pages': [sized({ 'hugepages-2Mi': '128Mi' }), { memoryBytes: 128 * MIB, hugepages: '2Mi' }],
    'RAM of 1Gi pages': [sized({ 'hugepages-1Gi': '2Gi' }), { memoryBytes: 2048 * MIB, hugepages: '1Gi' }],
    'huge pages with the same said of memory': [sized({ memory: '1Gi', 'hugepages-2Mi': '1024Mi' }), { memoryBytes: 1024 * MIB }],
    'NUMA nodes': [
      annotated({ 'podvisor.dev/numa': 'cells=2' }, { resources: { limits: { cpu: '4', memory: '64Mi' } } }),
      { numa: { cells: 2 } },
    ],
    'devices of the node': [
      annotated(
        { 'podvisor.dev/devices': 'a.example/gpu, b.example/qat' },
        { resources: { limits: { memory: '64Mi', 'a.example/gpu': '2', 'b.example/qat': 1, 'c.example/licence': '1' } } },
      ),
      {
        hostDevices: [
          { resource: 'a.example/gpu', count: 2 },
          { resource: 'b.example/qat', count: 1 },
        ],
      },
    ],
    ResourceClaims: [
      vmPod({
        guest: {
          resources: {
            limits: { memory: '64Mi' },
            claims: [
              { name: 'gpu', request: 'a' },
              { name: 'gpu', request: 'b' },
            ],
          },
        },
      }),
      { claims: ['gpu'] },
    ],
    'that nobody asked for emulation': [vmPod(), { accelerator: 'tcg', emulatedBy: 'fallback' }, TCG],
    'the grace period': [vmPod({ spec: { terminationGracePeriodSeconds: 5 } }), { gracePeriodSeconds: 5 }],
    'annotations of others not at all': [annotated({ 'example.com/boot': 'x', 'kubernetes.io/cpu-model': 'y' }), {}],
  };
  it.each(Object.entries(cases))('%s', (_, [pod, expected, context]) => {
    expect(guestOf(pod, context)).toMatchObject(expected);
  });
});

describe('parseGuest warns of', () => {
  it('emulation that nobody asked for', () => {
    const parsed = parseGuest(vmPod(), TCG);
    expect(parsed.ok && parsed.warnings).toEqual([expect.stringContaining('no node of this cluster offers KVM')]);
  });
  it('a device the guest will not see', () => {
    const parsed = parseGuest(sized({ memory: '64Mi', 'nvidia.com/gpu': 1 }, { 'nvidia.com/gpu': 1 }), BOTH);
    expect(parsed.ok && parsed.warnings).toEqual([expect.stringContaining('nvidia.com/gpu')]);
  });
  it('nothing otherwise', () => {
    const parsed = parseGuest(vmPod(), BOTH);
    expect(parsed.ok && parsed.warnings).toEqual([]);
  });
});

describe('parseGuest names all that is wrong at once', () => {
  it('over pod, annotations and container', () => {
    const pod = vmPod({
      annotations: { 'podvisor.dev/cpu-modle': 'host', 'podvisor.dev/firmware': 'efi' },
      guest: { command: ['sh'], resources: { limits: { cpu: '1000', memory: '100M' } } },
      spec: { hostNetwork: true },
    });
    const parsed = parseGuest(pod, BOTH);
    expect(parsed.ok ? [] : parsed.violations.map((violation) => violation.field)).toEqual([
      'metadata.annotations[podvisor.dev/cpu-modle]',
      'metadata.annotations[podvisor.dev/firmware]',
      'spec.hostNetwork',
      'spec.containers[0].command',
      'spec.containers[0].resources.limits.cpu',
      'spec.containers[0].resources.limits.memory',
    ]);
    expect(refusal(pod)).toMatch(/^\(1\) metadata.*; \(2\) .*; \(6\) /);
  });
});
