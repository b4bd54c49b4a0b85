import fc from 'fast-check';
import type { Pod } from '../../../api/pod.ts';
import { drawMac } from '../../../guest/mac.ts';
import type { DecisionContext } from '../../../webhooks/server/decide.ts';
import { decideMutate } from '../../../webhooks/server/decide.ts';
import { decideTemplatesOnce } from '../../../webhooks/server/decide-templates.ts';
import type { AdmissionRequest } from '../../../webhooks/server/review.ts';
import { policy } from '../../build/policy.ts';
import { vmPod } from '../../build/pod.ts';
import { apply, context } from './admit.ts';

/** What a ReplicaSet sends: no name yet, a time of its own among the managed fields. */
const podOf = (fields: Parameters<typeof vmPod>[0] = {}, time = 1): Pod => {
  const pod = vmPod(fields);
  return { ...pod, metadata: { ...pod.metadata, name: '', generateName: 'vm-', managedFields: [{ time }] } };
};
const asked = (uid: string, object: Pod, more: Partial<AdmissionRequest> = {}): AdmissionRequest => {
  const user = { username: 'rs', groups: [] };
  return { uid, operation: 'CREATE', subResource: '', namespace: 'team', name: '', object, user, dryRun: false, ...more };
};
const NAMESPACE = { name: 'team', labels: {} };
const under = (...selected: ReturnType<typeof policy>[]): DecisionContext => ({
  ...context,
  policies: { selected, namespace: NAMESPACE, usage: [] },
});

/** As the server does it, and how many times the decision was made. */
function counted() {
  const made: string[] = [];
  const decide = decideTemplatesOnce((request, facts) => {
    made.push(request.uid);
    return decideMutate(request, facts);
  });
  return { decide, made };
}

const ANNOTATED = { annotations: { 'podvisor.dev/vcpus': '2' } };
const FEW = policy('few', { limits: { vms: 1 } });
const SMALL = policy('small', { guest: { vcpus: { maximum: 1 } } });

describe('pods of one template are decided once', () => {
  test.each<[string, Pod, Pod, number]>([
    ['equal but for the time', podOf(), podOf({}, 2), 1],
    ['another label', podOf(), podOf({ labels: { app: 'other' } }), 2],
    ['another annotation', podOf(), podOf(ANNOTATED), 2],
    ['a name of its own', podOf(), vmPod({ name: 'vm-1' }), 2],
    ['another image', podOf(), podOf({ guest: { image: 'registry.example.com/other:1' } }), 2],
  ])('%s', (_, first, second, times) => {
    const { decide, made } = counted();
    expect(decide(asked('u1', first), context)).toEqual(decideMutate(asked('u1', first), context));
    expect(decide(asked('u2', second), context)).toEqual(decideMutate(asked('u2', second), context));
    expect(made).toHaveLength(times);
  });

  test.each<[string, DecisionContext, DecisionContext, number]>([
    ['the same policies', under(SMALL), under(SMALL), 1],
    ['a policy more', under(), under(SMALL), 2],
    ['another version of a policy', under(SMALL), under(policy('small', { guest: { vcpus: { maximum: 8 } } })), 2],
    ['another accelerator on offer', context, { ...context, accelerators: { kvm: true, tcg: true } }, 2],
    ['another launcher', context, { ...context, launcherImage: 'other' }, 2],
    ['a limit, which other pods use up', under(FEW), under(FEW), 2],
  ])('under %s', (_, first, second, times) => {
    const { decide, made } = counted();
    const pod = podOf(ANNOTATED);
    expect(decide(asked('u1', pod), first)).toEqual(decideMutate(asked('u1', pod), first));
    expect(decide(asked('u2', pod), second)).toEqual(decideMutate(asked('u2', pod), second));
    expect(made).toHaveLength(times);
  });
});

test('each pod has the address drawn for its own request', () => {
  const { decide } = counted();
  const macs = ['u1', 'u2', 'u3'].map((uid) => {
    const pod = apply(podOf(), decide(asked(uid, podOf()), context).patch ?? []);
    const guest = JSON.parse(pod.metadata.annotations?.['podvisor.dev/guest'] ?? '{}') as { networks: { mac: string }[] };
    return guest.networks[0]?.mac;
  });
  expect(macs).toEqual(['u1', 'u2', 'u3'].map((uid) => drawMac(uid, 'pod')));
});

test('a pod that says the address used for remembering is decided by itself, each time', () => {
  const { decide, made } = counted();
  const pod = podOf({ annotations: { 'example.com/mac': drawMac('any', 'pod') } });
  for (const uid of ['u1', 'u2']) expect(decide(asked(uid, pod), context)).toEqual(decideMutate(asked(uid, pod), context));
  expect(made.filter((uid) => uid !== 'any')).toEqual(['u1', 'u2']);
});

test('more templates than are remembered: the oldest is decided again', () => {
  const { decide, made } = counted();
  const pods = Array.from({ length: 65 }, (_, index) => podOf({ labels: { app: `a${index}` } }));
  for (const pod of [...pods, pods[64]!, pods[0]!]) decide(asked('u', pod), context);
  expect(made).toHaveLength(66);
});

test('whatever comes, in whatever order, the answer is the one of the decision itself', () => {
  const pods = [podOf(), podOf(ANNOTATED), vmPod({ name: 'vm' }), podOf({ spec: { hostPID: true } }), podOf({ annotations: { 'podvisor.dev/networks': '{"pod":{"binding":"passt"}}' } })]; // prettier-ignore
  const contexts = [context, under(SMALL), under(policy('rules', { rules: [{ name: 'r', expression: 'pod.metadata.labels.size() < 9', message: 'm' }] }))]; // prettier-ignore
  const step = fc.record({ pod: fc.constantFrom(...pods), facts: fc.constantFrom(...contexts), uid: fc.uuid(), time: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const { decide } = counted();
      for (const { pod, facts, uid, time } of steps) {
        const object = { ...pod, metadata: { ...pod.metadata, managedFields: [{ time }] } } as unknown as Pod;
        expect(decide(asked(uid, object), facts)).toEqual(decideMutate(asked(uid, object), facts));
      }
    }),
  );
});
