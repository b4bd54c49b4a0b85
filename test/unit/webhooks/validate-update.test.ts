import type { Pod } from '../../../api/pod.ts';
import { violationsText } from '../../../api/violation.ts';
import { mutatePod } from '../../../webhooks/pod/mutate-pod.ts';
import { validateEphemeralContainers, validateResize, validateUpdate } from '../../../webhooks/pod/validate-pod.ts';
import { container, plainPod, vmPod, withDefaults } from '../../build/pod.ts';

const result = mutatePod(withDefaults(vmPod({ sidecars: [container({ resources: { limits: { cpu: '1' } } })] })), {
  launcherImage: 'localhost/podvisor/launcher:dev',
  accelerators: { kvm: false, tcg: true },
  namespace: 'default',
});
if (!result.ok) throw new Error(violationsText(result.violations));
const vm = result.patched;

const labels = (pod: Pod, value: Record<string, string>): Pod => ({ ...pod, metadata: { ...pod.metadata, labels: value } });
const annotations = (pod: Pod, value: Record<string, string>): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, annotations: value },
});
const editContainer = (index: number, fields: object): Pod => ({
  ...vm,
  spec: { ...vm.spec, containers: vm.spec.containers.with(index, { ...vm.spec.containers[index]!, ...fields }) },
});
const ephemeral = (fields: object): Pod => ({
  ...vm,
  spec: { ...vm.spec, ephemeralContainers: [container({ name: 'debug', ...fields })] },
});

test.each<[string, [typeof validateUpdate, Pod, Pod], string]>([
  ['nothing changed', [validateUpdate, vm, vm], ''],
  ['another label is added', [validateUpdate, vm, labels(vm, { ...vm.metadata.labels, team: 'a' })], ''],
  ['the label is removed', [validateUpdate, vm, labels(vm, {})], 'metadata.labels[podvisor.dev/vm]'],
  [
    'the label is changed',
    [validateUpdate, vm, labels(vm, { 'podvisor.dev/vm': 'false' })],
    'metadata.labels[podvisor.dev/vm]: "false"',
  ],
  [
    'the label is put on a plain pod',
    [validateUpdate, plainPod(), labels(plainPod(), { 'podvisor.dev/vm': 'true' })],
    'a plain pod cannot become a VM',
  ],
  ['a foreign annotation is added', [validateUpdate, vm, annotations(vm, { ...vm.metadata.annotations, a: 'b' })], ''],
  [
    'the GuestSpec is changed',
    [validateUpdate, vm, annotations(vm, { ...vm.metadata.annotations, 'podvisor.dev/guest': '{}' })],
    'metadata.annotations[podvisor.dev/guest]',
  ],
  [
    'a claim is plugged in',
    [validateUpdate, vm, annotations(vm, { ...vm.metadata.annotations, 'podvisor.dev/hotplugged-claims': 'data' })],
    '',
  ],
  [
    'what is plugged in is no claim',
    [validateUpdate, vm, annotations(vm, { ...vm.metadata.annotations, 'podvisor.dev/hotplugged-claims': 'Data' })],
    'metadata.annotations[podvisor.dev/hotplugged-claims]',
  ],
  ['the GuestSpec is removed', [validateUpdate, vm, annotations(vm, {})], 'metadata.annotations[podvisor.dev/guest]'],
  ["the guest's image is changed", [validateUpdate, vm, editContainer(0, { image: 'evil' })], 'spec.containers[0].image: "evil"'],
  ["a sidecar's image is changed", [validateUpdate, vm, editContainer(1, { image: 'new' })], ''],
  ['a debug container', [validateEphemeralContainers, vm, ephemeral({})], ''],
  [
    'a debug container on the scratch volume',
    [validateEphemeralContainers, vm, ephemeral({ volumeMounts: [{ name: 'podvisor-scratch', mountPath: '/x' }] })],
    'spec.ephemeralContainers[0].volumeMounts[0]',
  ],
  [
    "the guest's resize",
    [validateResize, vm, editContainer(0, { resources: { ...vm.spec.containers[0]!.resources, limits: { memory: '1Gi' } } })],
    'spec.containers[0].resources.limits.',
  ],
  ["a sidecar's resize", [validateResize, vm, editContainer(1, { resources: { limits: { cpu: '2' } } })], ''],
])('%s', (_, [validate, old, pod], expected) => {
  const text = violationsText(validate(old, pod).violations);
  if (expected === '') expect(text).toBe('');
  else expect(text).toContain(expected);
});
