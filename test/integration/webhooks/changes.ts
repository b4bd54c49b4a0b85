import fc from 'fast-check';
import type { Container, Pod, PodSpec } from '../../../api/pod.ts';
import { container } from '../../build/pod.ts';

/** What the other webhook is to do to the pod, as JSON, so that one registration serves all generated changes. */
export const CHANGE = 'test.example/change';

/** Such a change. */
export interface Change {
  readonly sidecars: readonly string[];
  readonly init: boolean;
  readonly prepend: boolean;
  readonly volumes: readonly string[];
  readonly cpuRequest: boolean;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What sidecar injectors, mesh webhooks and resource defaulters do; idempotent, as all of them must be. */
export function applyChange(pod: Pod): Pod {
  const change = JSON.parse(pod.metadata.annotations?.[CHANGE] ?? '{}') as Change;
  const has = (list: readonly { name: string }[] | undefined, name: string): boolean =>
    list?.some((one) => one.name === name) === true;
  const added = change.sidecars.filter((name) => !has(pod.spec.containers, name)).map((name) => sidecar(name, change));
  const own = pod.spec.containers.map((one) => (change.cpuRequest && one.name !== 'guest' ? withCpuRequest(one) : one));
  const volumes = change.volumes.filter((name) => !has(pod.spec.volumes, name)).map((name) => ({ name, emptyDir: {} }));
  const inits = change.init && !has(pod.spec.initContainers, 'mesh-init') ? [container({ name: 'mesh-init' })] : [];
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...change.annotations } },
    spec: {
      ...pod.spec,
      containers: change.prepend ? [...added, ...own] : [...own, ...added],
      ...(inits.length === 0 ? {} : { initContainers: [...(pod.spec.initContainers ?? []), ...inits] }),
      ...(volumes.length === 0 ? {} : { volumes: [...(pod.spec.volumes ?? []), ...volumes] }),
    },
  };
}

function sidecar(name: string, { volumes, cpuRequest }: Change): Container {
  const one = container({ name, volumeMounts: volumes.map((volume) => ({ name: volume, mountPath: `/${volume}` })) });
  return cpuRequest ? withCpuRequest(one) : one;
}

function withCpuRequest(one: Container): Container {
  const requests = { cpu: '10m', ...one.resources?.requests };
  return { ...one, resources: { ...one.resources, requests } };
}

/** At most two names. */
export const names = (prefix: string): fc.Arbitrary<string[]> =>
  fc.uniqueArray(
    fc.stringMatching(/^[a-z]{1,6}$/).map((name) => `${prefix}-${name}`),
    { maxLength: 2 },
  );
export const anyChange: fc.Arbitrary<Change> = fc.record({
  sidecars: names('side'),
  init: fc.boolean(),
  prepend: fc.boolean(),
  volumes: names('vol'),
  cpuRequest: fc.boolean(),
  annotations: fc.dictionary(fc.stringMatching(/^mesh\.example\/[a-z]{1,8}$/), fc.string({ maxLength: 20 }), { maxKeys: 2 }),
});

/** What has to be the same whoever was first: everything but the order in lists, and the names Kubernetes draws. */
export function essence(pod: Pod | string): unknown {
  if (typeof pod === 'string') return pod;
  const token = /^kube-api-access-[a-z0-9]{5}$/;
  const text = JSON.stringify({ annotations: pod.metadata.annotations, spec: sorted(pod.spec) });
  return JSON.parse(text, (_, value: unknown) => (typeof value === 'string' && token.test(value) ? 'token' : value)) as unknown;
}

function sorted(spec: PodSpec): PodSpec {
  const byName = <T extends { readonly name: string }>(list: readonly T[] | undefined): T[] =>
    [...(list ?? [])].sort((a, b) => a.name.replace(/^kube-api.*/, '').localeCompare(b.name.replace(/^kube-api.*/, '')));
  const inner = (one: Container): Container => ({ ...one, volumeMounts: byName(one.volumeMounts) });
  return { ...spec, containers: byName(spec.containers).map(inner), volumes: byName(spec.volumes) };
}
