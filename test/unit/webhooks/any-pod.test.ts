import fc from 'fast-check';
import type { Pod } from '../../../api/pod.ts';
import { mutatePod } from '../../../webhooks/pod/mutate-pod.ts';
import { validatePod } from '../../../webhooks/pod/validate-pod.ts';
import { podPatch } from '../../../webhooks/pod/pod-patch.ts';
import { container, vmPod, withDefaults } from '../../build/pod.ts';
import { restrictedObjections } from './restricted.ts';

import { apply, context, mutated } from './admit.ts';

// What else may be in a pod: fields and containers this code has never heard of.
// As it comes over the wire, where there is no negative zero.
const json = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const unknownFields = fc.dictionary(fc.stringMatching(/^x[A-Za-z]{1,8}$/), json, { maxKeys: 3 });
const names = (prefix: string) =>
  fc.uniqueArray(
    fc.stringMatching(/^[a-z]{1,6}$/).map((name) => `${prefix}-${name}`),
    { maxLength: 3 },
  );
const anyPod = fc
  .record({
    metadata: unknownFields,
    spec: unknownFields,
    guest: unknownFields,
    sidecars: names('s'),
    inits: names('i'),
    volumes: names('v'),
    extra: unknownFields,
    memory: fc.integer({ min: 16, max: 4096 }),
    request: fc.option(fc.integer({ min: 0, max: 16 }), { nil: undefined }),
    cpu: fc.integer({ min: 1, max: 8000 }),
    first: fc.boolean(),
    defaults: fc.boolean(),
  })
  .map((shape) => {
    const others = shape.sidecars.map((name) =>
      container({
        name,
        volumeMounts: shape.volumes.map((volume) => ({ name: volume, mountPath: `/${volume}` })),
        ...shape.extra,
      }),
    );
    const pod = vmPod({
      metadata: shape.metadata,
      annotations: { 'podvisor.dev/container': 'guest', 'example.com/any': 'thing' },
      guest: {
        ...shape.guest,
        resources: {
          limits: { cpu: `${shape.cpu}m`, memory: `${shape.memory}Mi` },
          ...(shape.request === undefined ? {} : { requests: { memory: `${shape.request}Mi` } }),
        },
      },
      spec: {
        ...shape.spec,
        volumes: shape.volumes.map((name) => ({ name, emptyDir: {}, ...shape.extra })),
        initContainers: shape.inits.map((name) => container({ name, ...shape.extra })),
      },
    });
    const [first, ...rest] = pod.spec.containers;
    const ordered = {
      ...pod,
      spec: { ...pod.spec, containers: shape.first ? [first!, ...others] : [...others, first!, ...rest] },
    };
    return shape.defaults ? withDefaults(ordered) : ordered;
  });

describe('for any pod', () => {
  const check = (property: (pod: Pod, out: Pod) => void): void => {
    fc.assert(
      fc.property(anyPod, (pod) => property(pod, mutated(pod))),
      { numRuns: 300 },
    );
  };

  test('the patch is valid and makes the mutated pod, and running it again gives none', () => {
    check((pod, out) => {
      const patched = apply(pod, podPatch(pod, out));
      expect(patched).toEqual(out);
      expect(podPatch(patched, mutated(patched))).toEqual([]);
      expect(validatePod(patched, context).violations).toEqual([]);
    });
  });

  test('W27: other containers, volumes and fields nobody here knows survive byte for byte', () => {
    check((pod, out) => {
      const others = (one: Pod) => [
        ...one.spec.containers.filter(({ name }) => name !== 'guest'),
        ...one.spec.initContainers!,
        ...one.spec.volumes!.filter(({ name }) => name.startsWith('v-')),
      ];
      expect(JSON.stringify(others(out))).toBe(JSON.stringify(others(pod)));
      const unknown = (object: object) => JSON.stringify(Object.entries(object).filter(([key]) => key.startsWith('x')));
      const guest = (one: Pod) => one.spec.containers.find(({ name }) => name === 'guest')!;
      expect(unknown(out.metadata)).toBe(unknown(pod.metadata));
      expect(unknown(out.spec)).toBe(unknown(pod.spec));
      expect(unknown(guest(out))).toBe(unknown(guest(pod)));
    });
  });

  test('the guest container passes Pod Security restricted', () => {
    check((_, out) =>
      expect(restrictedObjections(out).filter((what) => what.startsWith('guest:') || what.includes('podvisor'))).toEqual([]),
    );
  });

  test('the input is never changed', () => {
    fc.assert(
      fc.property(anyPod, (pod) => {
        const before = JSON.stringify(pod);
        mutatePod(pod, context);
        expect(JSON.stringify(pod)).toBe(before);
      }),
    );
  });
});
