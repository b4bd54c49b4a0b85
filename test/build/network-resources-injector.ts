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

const NETWORKS = 'k8s.v1.cni.cncf.io/networks';

/** What it reads of a NetworkAttachmentDefinition. */
export interface InjectorAttachment {
  readonly resource?: string;
  /** Label and value. */
  readonly nodeSelector?: readonly [string, string];
}

/**
 * The whole of its mutation of a pod, `attachments` by `namespace/name`: the annotation as JSON, else as its own narrow text form; an
 * attachment more than once counts as often; a NAD's node selector goes over the pod's.
 */
export function injectorMutation(attachments: Readonly<Record<string, InjectorAttachment>>, honorResources: boolean) {
  return (pod: Pod, namespace: string): Pod => {
    const found = selectedNetworks(pod.metadata.annotations?.[NETWORKS] ?? '', namespace).flatMap((key) => attachments[key] ?? []);
    const needed: Record<string, number> = {};
    for (const { resource } of found) if (resource !== undefined) needed[resource] = (needed[resource] ?? 0) + 1;
    const injected = injectNetworkResources(pod, needed, honorResources);
    const labels = Object.fromEntries(found.flatMap(({ nodeSelector }) => (nodeSelector === undefined ? [] : [nodeSelector])));
    if (Object.keys(labels).length === 0) return injected;
    return { ...injected, spec: { ...injected.spec, nodeSelector: { ...(injected.spec['nodeSelector'] as object | undefined), ...labels } } };
  };
} // prettier-ignore

function selectedNetworks(text: string, namespace: string): string[] {
  try {
    const list = JSON.parse(text) as { name: string; namespace?: string }[];
    return list.map(({ name, namespace: own = namespace }) => `${own}/${name}`);
  } catch {
    const items = text.split(',').map((item) => /^\s*(?:([a-z0-9-]+)\/)?([a-z0-9-]+)(?:@[a-z0-9-]+)?\s*$/.exec(item));
    return items.flatMap((item) => (item === null ? [] : [`${item[1] ?? namespace}/${item[2] ?? ''}`]));
  }
}
