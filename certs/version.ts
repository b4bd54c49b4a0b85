import type { KubeObject } from '../kube/objects.ts';

/** An object's resourceVersion as a number; undefined when it has none that is one. */
export function versionOf(object: KubeObject | undefined): bigint | undefined {
  const version = object?.metadata.resourceVersion ?? '';
  return /^\d+$/.test(version) ? BigInt(version) : undefined;
}

/**
 * Whether the object is from before `known`; nothing is older than anything. Versions of one resource are ordered decimal numbers since
 * Kubernetes 1.35 says so (KEP-5504), and always were with etcd.
 */
export function isOlder(object: KubeObject | undefined, known: bigint | undefined): boolean {
  const version = versionOf(object);
  return known !== undefined && (object === undefined || (version !== undefined && version < known));
}
