import { GUEST_ANNOTATION, PLAN_ANNOTATION } from '../../../api/names.ts';
import { planText } from '../../../api/placement-plan.ts';
import type { Pod, PodSpec } from '../../../api/pod.ts';
import { podFacts } from '../../../agent/pod-facts.ts';
import { guestSpec } from '../../build/guest.ts';
import { vmFacts } from '../../build/vm-facts.ts';

const OWNER = { namespace: 'team', name: 'vm', container: 'guest' };

function podOf(spec: Partial<PodSpec> = {}, guest: unknown = guestSpec()): Pod {
  const annotations = { [GUEST_ANNOTATION]: JSON.stringify(guest) };
  return {
    metadata: { name: 'vm', namespace: 'team', uid: vmFacts().uid, annotations },
    spec: { nodeName: 'node-a', containers: [{ name: 'guest' }], ...spec },
  };
}

test('a plain VM pod', () => {
  expect(podFacts(podOf(), OWNER, 'node-a')).toEqual({ ok: true, vm: vmFacts() });
});

test('where the scheduler planned its memory', () => {
  const pod = podOf({}, guestSpec({ hugepages: '2Mi' }));
  const zones = [{ id: 1, cpus: 0, amount: 64 }];
  const annotations = { ...pod.metadata.annotations, [PLAN_ANNOTATION]: planText({ zones, functions: [] }) };
  const bound = { ...pod, metadata: { ...pod.metadata, annotations } };
  expect(podFacts(bound, OWNER, 'node-a')).toMatchObject({ vm: { memoryPlan: { zones, required: false } } });
});

test('ports, companions, host name and DNS', () => {
  const pod = podOf({
    hostname: 'web.one',
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['1.1.1.1', '::1', 7], searches: ['a.b', 'bad,domain'] },
    containers: [
      { name: 'guest', ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }, { containerPort: 0 }, null] },
      { name: 'side', ports: [{ containerPort: 9090 }] },
    ],
    initContainers: [
      { name: 'setup', ports: [{ containerPort: 1 }] },
      { name: 'native', restartPolicy: 'Always', ports: [{ containerPort: 15000 }] },
    ],
  });
  expect(podFacts(pod, OWNER, 'node-a')).toMatchObject({
    vm: {
      hostname: 'web-one',
      dns: { policy: 'None', servers: ['1.1.1.1'], searches: ['a.b'] },
      guestPorts: [
        { protocol: 'tcp', port: 80 },
        { protocol: 'udp', port: 53 },
      ],
      otherPorts: [
        { protocol: 'tcp', port: 9090 },
        { protocol: 'tcp', port: 15000 },
      ],
      alone: false,
    },
  });
});

test.each<[string, Pod, string]>([
  ['another node', podOf({ nodeName: 'node-b' }), 'the pod is bound to node node-b, not node-a'],
  [
    'another container',
    podOf({}, guestSpec({ container: 'other' })),
    "container 'guest' holds the device, but the guest container is 'other'",
  ],
  ['no GuestSpec', podOf({}, {}), 'does not match the GuestSpec schema'],
])('refused: %s', (_, pod, reason) => {
  expect(podFacts(pod, OWNER, 'node-a')).toEqual({ ok: false, reason: expect.stringContaining(reason) as string });
});
