import type { Container, Pod, ResourceList } from '../../api/pod.ts';

/**
 * A fake of network-resources-injector, by its documented behaviour (its README and docs; pkg/webhook of the public sources): requests go to
 * the first container, equal in requests and limits; a resource that any container has is skipped unless `honorResources`, which adds to
 * what is there; where it added something, the volume `podnetinfo` is mounted in all containers.
 */
export function injectNetworkResources(pod: Pod, needed: Readonly<Record<string, number>>, honorResources = false): Pod {
  const has = (name: string): boolean =>
    pod.spec.containers.some(({ resources }) => resources?.limits?.[name] !== undefined || resources?.requests?.[name] !== undefined);
  const added = Object.entries(needed).filter(([name]) => honorResources || !has(name));
  if (added.length === 0) return pod;
  const plus = (list: ResourceList = {}): ResourceList =>
    Object.fromEntries([...Object.entries(list), ...added.map(([name, count]): [string, string] => [name, String(Number(list[name] ?? 0) + count)])]);
  const containers = pod.spec.containers.map((container, index): Container => {
    const resources = { ...container.resources, limits: plus(container.resources?.limits), requests: plus(container.resources?.requests) };
    const mount = { name: 'podnetinfo', readOnly: true, mountPath: '/etc/podnetinfo' };
    return { ...container, ...(index === 0 ? { resources } : {}), volumeMounts: [...(container.volumeMounts ?? []).filter(({ name }) => name !== mount.name), mount] };
  });
  const items = ['labels', 'annotations'].map((path) => ({ path, fieldRef: { fieldPath: `metadata.${path}` } }));
  const volumes = (pod.spec.volumes ?? []).filter(({ name }) => name !== 'podnetinfo');
  return { ...pod, spec: { ...pod.spec, containers, volumes: [...volumes, { name: 'podnetinfo', downwardAPI: { items } }] } };
} // prettier-ignore
