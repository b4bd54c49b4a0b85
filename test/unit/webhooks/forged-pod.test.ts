import type { Container, Pod } from '../../../api/pod.ts';
import { violationsText } from '../../../api/violation.ts';
import { validatePod } from '../../../webhooks/pod/validate-pod.ts';
import { container, vmPod, withDefaults } from '../../build/pod.ts';

import { context, mutated, refusal } from './admit.ts';

describe('T6: a forged pod is refused, naming the field', () => {
  const genuine = mutated(withDefaults(vmPod()));
  const spec = JSON.parse(genuine.metadata.annotations!['podvisor.dev/guest']!) as Record<string, unknown>;
  const guest = (fields: Partial<Container>): Pod => ({
    ...genuine,
    spec: { ...genuine.spec, containers: [{ ...genuine.spec.containers[0]!, ...fields }] },
  });
  const annotation = (text: string): Pod => ({
    ...genuine,
    metadata: { ...genuine.metadata, annotations: { ...genuine.metadata.annotations, 'podvisor.dev/guest': text } },
  });
  const stored = (fields: object): Pod => annotation(JSON.stringify({ ...spec, ...fields }));
  const security = genuine.spec.containers[0]!.securityContext!;
  test.each<[string, Pod, string]>([
    ['not JSON', annotation('true'), 'podvisor.dev/guest'],
    [
      'an annotation on a plain pod',
      vmPod({ annotations: { 'podvisor.dev/guest': JSON.stringify(spec) } }),
      'podvisor.dev/guest',
    ],
    ['more vCPUs than the pod has', stored({ vcpus: 8 }), 'vcpus'],
    ['more memory than the pod has', stored({ memoryBytes: 2 ** 31 }), 'memoryBytes'],
    ['a Secret it did not ask for', stored({ cloudInit: { secret: 'other' } }), 'cloudInit'],
    ['a TPM it did not ask for', stored({ tpm: 'ephemeral' }), 'tpm'],
    ['no overhead', stored({ overheadBytes: 0 }), 'overheadBytes'],
    ['another container', stored({ container: 'other' }), 'names a container'],
    ['another image', stored({ boot: { mode: 'disk', image: 'other', pullPolicy: 'Always' } }), 'spec.volumes['],
    [
      'a network it did not ask for',
      stored({
        networks: [
          { name: 'pod', interface: 'eth0', binding: 'masquerade' },
          { name: 'a/b', interface: 'net1', binding: 'bridge' },
        ],
      }),
      'networks',
    ],
    ['another launcher image', guest({ image: 'evil' }), 'spec.containers[0].image'],
    ['another command', guest({ command: ['/bin/sh'] }), 'spec.containers[0].command'],
    ['other arguments', guest({ args: ['disk', 'x'] }), 'spec.containers[0].args'],
    ['an environment', guest({ env: [{ name: 'LD_PRELOAD', value: 'x' }] }), 'spec.containers[0].env'],
    ['privileged', guest({ securityContext: { ...security, privileged: true } }), 'privileged'],
    ['root', guest({ securityContext: { ...security, runAsUser: 0 } }), 'runAsUser'],
    [
      'a capability',
      guest({ securityContext: { ...security, capabilities: { add: ['SYS_ADMIN'], drop: ['ALL'] } } }),
      'capabilities',
    ],
    ['no device', guest({ resources: { limits: { cpu: '1', memory: '273Mi' } } }), 'spec.containers[0].resources'],
    [
      'two devices',
      guest({
        resources: {
          ...genuine.spec.containers[0]!.resources,
          limits: { ...genuine.spec.containers[0]!.resources!.limits, 'podvisor.dev/kvm': '1' },
        },
      }),
      'podvisor.dev/kvm',
    ],
    [
      'a request of nothing',
      guest({ resources: { ...genuine.spec.containers[0]!.resources, requests: { 'podvisor.dev/tcg': '1', memory: '1Mi' } } }),
      'requests.memory',
    ],
    ['no readiness gate', { ...genuine, spec: { ...genuine.spec, readinessGates: [] } }, 'spec.readinessGates'],
    [
      'the token back',
      { ...genuine, spec: { ...genuine.spec, automountServiceAccountToken: true } },
      'spec.automountServiceAccountToken',
    ],
    [
      'another boot volume',
      {
        ...genuine,
        spec: { ...genuine.spec, volumes: [{ name: 'podvisor-boot', hostPath: { path: '/' } }, genuine.spec.volumes![1]!] },
      },
      'spec.volumes[0]',
    ],
    [
      'a sidecar on the scratch volume',
      {
        ...genuine,
        spec: {
          ...genuine.spec,
          containers: [...genuine.spec.containers, container({ volumeMounts: [{ name: 'podvisor-scratch', mountPath: '/x' }] })],
        },
      },
      'spec.containers[1].volumeMounts[0]',
    ],
    ['hostPID', { ...genuine, spec: { ...genuine.spec, hostPID: true } }, 'spec.hostPID'],
  ])('%s', (_, pod, field) => {
    expect(refusal(pod)).toContain(field);
    expect(violationsText(validatePod(pod, context).violations)).toContain(field);
  });
});

test('a labelled pod that nobody mutated is not valid', () => {
  expect(violationsText(validatePod(vmPod(), context).violations)).toContain('did not pass Podvisor admission');
});
