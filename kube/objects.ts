/** The part of ObjectMeta this room reads. */
export interface KubeMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** Any object of the API server. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: KubeMeta;
  readonly [field: string]: unknown;
}

/** A page of a list. */
export interface KubeList<T = KubeObject> {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  /** Null in answers of some old servers for "none". */
  readonly items: readonly T[] | null;
}

/** Cache and queue key: `namespace/name`, or `name` for cluster objects. */
export function keyOf(object: { readonly metadata: { readonly name: string; readonly namespace?: string } }): string {
  const { namespace, name } = object.metadata;
  // V8 keeps what a template or + makes of them as a pair of texts, which is more than twice as large; caches have tens of thousands.
  return namespace === undefined || namespace === '' ? name : [namespace, name].join('/');
}

/** The name in a key of {@link keyOf}, without the namespace. */
export function nameOf(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

/** The two halves of a {@link keyOf} key; no namespace for cluster objects. */
export function splitKey(key: string): { namespace?: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
