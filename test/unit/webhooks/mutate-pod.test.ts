import type { Pod, ResourceRequirements } from '../../../api/pod.ts';
import { parseQuantity } from '../../../api/quantity.ts';
import { readStoredGuest } from '../../../api/parse-stored.ts';
import { mutatePod } from '../../../webhooks/pod/mutate-pod.ts';
import { validatePod } from '../../../webhooks/pod/validate-pod.ts';
import { podPatch } from '../../../webhooks/pod/pod-patch.ts';
import { container, vmPod, withDefaults } from '../../build/pod.ts';

import { context, mutated } from './admit.ts';

test('the pod of the smallest manifest', () => {
  const pod = mutated(withDefaults(vmPod()));
  const stored = readStoredGuest(pod);
  const overhead = stored.ok ? stored.guest.overheadBytes : NaN;
  // The model's figure changes with measurements; that is no change of the mutation.
  const text = JSON.stringify(pod)
    .replaceAll(String(overhead), '0')
    .replaceAll(`${128 + overhead / 1024 / 1024}Mi`, '128Mi+overhead');
  expect(JSON.parse(text)).toMatchSnapshot();
});

describe('memory of the guest container', () => {
  const MIB = 1024 * 1024;
  test.each<[string, ResourceRequirements, { limit: number; request: number }]>([
    ['limit only', { limits: { memory: '128Mi' } }, { limit: 128, request: 128 }],
    ['request only: a limit is set', { requests: { memory: '128Mi' } }, { limit: 128, request: 128 }],
    ['both', { limits: { memory: '128Mi' }, requests: { memory: '64Mi' } }, { limit: 128, request: 64 }],
    ['plain bytes', { limits: { memory: 134217728 } }, { limit: 128, request: 128 }],
  ])('%s', (_, resources, expected) => {
    const pod = mutated(vmPod({ guest: { resources } }));
    const stored = readStoredGuest(pod);
    const overhead = stored.ok ? stored.guest.overheadBytes / MIB : NaN;
    const { limits = {}, requests = {} } = pod.spec.containers[0]!.resources!;
    expect(limits['memory']).toBe(`${expected.limit + overhead}Mi`);
    const request = parseQuantity(String(requests['memory']));
    expect(request.ok && request.value.nanos / 1_000_000_000n).toBe(BigInt((expected.request + overhead) * MIB));
    expect([limits['podvisor.dev/tcg'], requests['podvisor.dev/tcg']]).toEqual(['1', '1']);
  });
});

const isolated = { 'podvisor.dev/dedicated-cpus': 'true', 'podvisor.dev/emulator-threads': 'isolate' };

test('isolated emulator threads get one more CPU, and the pod stays Guaranteed', () => {
  const resources = { limits: { cpu: '2', memory: '64Mi' } };
  const pod = mutated(withDefaults(vmPod({ annotations: isolated, guest: { resources } })));
  const { limits, requests } = pod.spec.containers[0]!.resources!;
  expect(limits!['cpu']).toBe('3');
  expect(requests).toEqual(limits);
  const stored = readStoredGuest(pod);
  expect(stored.ok && stored.guest.vcpus).toBe(2);
});

test('devices of the node stay requested by the container that runs QEMU, running admission again changes nothing, and forging them is refused', () => {
  const annotations = { 'podvisor.dev/devices': 'example.com/gpu' };
  const resources = { limits: { memory: '64Mi', 'example.com/gpu': '2' }, claims: [{ name: 'qat' }] };
  const pod = mutated(withDefaults(vmPod({ annotations, guest: { resources } })));
  expect(pod.spec.containers[0]!.resources).toMatchObject({ limits: { 'example.com/gpu': '2' }, claims: [{ name: 'qat' }] });
  const stored = readStoredGuest(pod);
  expect(stored.ok && stored.guest).toMatchObject({ hostDevices: [{ resource: 'example.com/gpu', count: 2 }], claims: ['qat'] });
  expect(podPatch(pod, mutated(pod))).toEqual([]);
  expect(validatePod(pod, context).violations).toEqual([]);
  const forged = JSON.parse(JSON.stringify(pod).replace('\\"count\\":2', '\\"count\\":3')) as Pod;
  expect(validatePod(forged, context).violations).not.toEqual([]);
});

test.each<[string, ResourceRequirements]>([
  ['alone', { limits: { 'hugepages-2Mi': '64Mi' } }],
  ['with memory', { limits: { memory: '64Mi', 'hugepages-2Mi': '64Mi' } }],
])('huge pages %s are the RAM, and plain memory is what QEMU needs besides', (_, resources) => {
  const pod = mutated(withDefaults(vmPod({ guest: { resources } })));
  const stored = readStoredGuest(pod);
  const overhead = stored.ok ? `${stored.guest.overheadBytes / 1024 / 1024}Mi` : '';
  const { limits, requests } = pod.spec.containers[0]!.resources!;
  expect(limits).toEqual({ memory: overhead, 'hugepages-2Mi': '64Mi', 'podvisor.dev/tcg': '1' });
  expect(requests).toEqual(limits);
});

test('the token stays with the sidecar that has it and leaves the guest', () => {
  const alone = mutated(withDefaults(vmPod()));
  expect(JSON.stringify(alone.spec)).not.toContain('kube-api-access');
  const pod = withDefaults(vmPod({ sidecars: [container()] }));
  const beside = mutated(pod);
  expect(beside.spec.containers[1]).toBe(pod.spec.containers[1]);
  expect(beside.spec.volumes!.map((volume) => volume.name)).toEqual([
    'kube-api-access-abcde',
    'podvisor-boot',
    'podvisor-scratch',
  ]);
  expect(JSON.stringify(beside.spec.containers[0])).not.toContain('kube-api-access');
});

describe('accelerator', () => {
  test.each<[string, string | undefined, { kvm: boolean; tcg: boolean }, { device: string; warning: string }]>([
    ['auto takes KVM where a node has it', undefined, { kvm: true, tcg: true }, { device: 'podvisor.dev/kvm', warning: '' }],
    [
      'auto falls back to emulation and says so',
      undefined,
      { kvm: false, tcg: true },
      { device: 'podvisor.dev/tcg', warning: 'emulated' },
    ],
    [
      'auto with no agent up yet waits as Pending',
      undefined,
      { kvm: false, tcg: false },
      { device: 'podvisor.dev/tcg', warning: 'waits as Pending' },
    ],
    [
      'kvm asked for and nowhere offered waits as Pending',
      'kvm',
      { kvm: false, tcg: true },
      { device: 'podvisor.dev/kvm', warning: 'waits as Pending' },
    ],
    [
      'tcg asked for and nowhere offered waits as Pending',
      'tcg',
      { kvm: true, tcg: false },
      { device: 'podvisor.dev/tcg', warning: 'waits as Pending' },
    ],
  ])('%s', (_, wanted, accelerators, { device, warning }) => {
    const annotations = wanted === undefined ? {} : { 'podvisor.dev/accelerator': wanted };
    const result = mutatePod(vmPod({ annotations }), { ...context, accelerators });
    expect(result.ok && result.patched.spec.containers[0]!.resources!.limits![device]).toBe('1');
    expect(result.ok && result.warnings.join()).toContain(warning);
  });
});

const prepared = {
  'podvisor.dev/firmware': 'uefi-secure',
  'podvisor.dev/tpm': 'ephemeral',
  'podvisor.dev/clock': 'Europe/Berlin',
  'podvisor.dev/cloud-init': 'seed',
};

test('the launcher is told what to prepare, and has the Secret and memory for its seed, and nobody else does', () => {
  const pod = mutated(vmPod({ annotations: prepared, sidecars: [container()] }));
  const [guest, sidecar] = pod.spec.containers;
  expect(guest!.args).toEqual(['disk', 'variables=uefi-secure', 'tpm', 'cloud-init', 'zone=Europe/Berlin']);
  expect(pod.spec.volumes!.slice(2)).toEqual([
    { name: 'podvisor-cloud-init', secret: { secretName: 'seed', defaultMode: 0o644 } },
    { name: 'podvisor-seed', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
  ]);
  expect(guest!.volumeMounts!.slice(2)).toEqual([
    { name: 'podvisor-cloud-init', mountPath: '/podvisor/cloud-init', readOnly: true },
    { name: 'podvisor-seed', mountPath: '/podvisor/seed' },
  ]);
  expect(sidecar!.volumeMounts).toBeUndefined();
});

describe('its own output', () => {
  const shapes: [string, Pod][] = [
    ['as the API server defaults it', withDefaults(vmPod())],
    ['with sidecars', withDefaults(vmPod({ sidecars: [container()] }))],
    [
      'with a request below the limit',
      withDefaults(vmPod({ guest: { resources: { requests: { memory: '32Mi' }, limits: { memory: '1.5Gi' } } } })),
    ],
    [
      'with a block claim',
      vmPod({ guest: { volumeDevices: [{ name: 'data', devicePath: '/dev/x' }] }, spec: { volumes: [{ name: 'data' }] } }),
    ],
    ['kernel boot', vmPod({ annotations: { 'podvisor.dev/boot': 'kernel' } })],
    ['huge pages', withDefaults(vmPod({ guest: { resources: { limits: { cpu: '1', 'hugepages-2Mi': '128Mi' } } } }))],
    [
      'huge pages with memory',
      withDefaults(vmPod({ guest: { resources: { limits: { memory: '0.125Gi', 'hugepages-2Mi': '128Mi' } } } })),
    ],
    ['dedicated CPUs', withDefaults(vmPod({ annotations: { 'podvisor.dev/dedicated-cpus': 'true' } }))],
    ['dedicated CPUs and one more', withDefaults(vmPod({ annotations: isolated }))],
    ['UEFI, TPM, a clock and cloud-init', withDefaults(vmPod({ annotations: prepared }))],
  ];
  test.each(shapes)('gives an empty patch: %s', (_, pod) => {
    const once = mutated(pod);
    expect(podPatch(once, mutated(once))).toEqual([]);
    expect(validatePod(once, context).violations).toEqual([]);
  });

  test('gives an empty patch after other webhooks added to it', () => {
    const once = mutated(withDefaults(vmPod({ sidecars: [container()] })));
    const later: Pod = {
      ...once,
      metadata: { ...once.metadata, annotations: { ...once.metadata.annotations, 'sidecar.istio.io/status': '{}' } },
      spec: {
        ...once.spec,
        initContainers: [container({ name: 'istio-init' })],
        containers: [
          container({ name: 'istio-proxy', volumeMounts: [{ name: 'certs', mountPath: '/certs' }] }),
          ...once.spec.containers,
        ],
        volumes: [{ name: 'certs', emptyDir: {} }, ...once.spec.volumes!],
        readinessGates: [{ conditionType: 'example.com/lb' }, ...once.spec.readinessGates!],
      },
    };
    expect(podPatch(later, mutated(later))).toEqual([]);
    expect(validatePod(later, context).violations).toEqual([]);
  });

  test('is accepted by a replica whose installation has another tag of the launcher', () => {
    const once = mutated(vmPod());
    expect(validatePod(once, { ...context, launcherImage: 'localhost/podvisor/launcher:next' }).violations).toEqual([]);
    expect(validatePod(once, { ...context, launcherImage: 'example.com/launcher:dev' }).violations).not.toEqual([]);
  });
});
