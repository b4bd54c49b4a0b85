/** Query parameters; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** One line of a watch (apimachinery meta/v1 WatchEvent). An ERROR carries a Status instead of an object. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Readonly<Record<string, unknown>>;
}

/** A patch. `apply` is server-side apply and needs `fieldManager`. */
export interface KubePatch {
  readonly type: 'merge' | 'json' | 'strategic' | 'apply';
  readonly body: object;
  readonly fieldManager?: string;
  /** Take over fields that other managers own (apply only). */
  readonly force?: boolean;
  /** Such as `status`; appended to the path. */
  readonly subresource?: string;
}

/**
 * The one door to the API server: raw JSON in and out, so fields this code has never heard of survive. Paths are absolute
 * (`kube/paths.ts` builds them). Every method throws {@link KubeError} and nothing else.
 */
export interface KubeClient {
  get<T>(path: string, query?: Query): Promise<T>;
  create<T>(path: string, body: object, query?: Query): Promise<T>;
  replace<T>(path: string, body: object): Promise<T>;
  patch<T>(path: string, patch: KubePatch): Promise<T>;
  /** `body` is DeleteOptions: grace period, preconditions, propagation. */
  delete(path: string, body?: object): Promise<void>;
  /** A watch: ends when the server ends it, throws when the connection breaks. `watch=true` is added to the query. */
  stream(path: string, query: Query, signal: AbortSignal): AsyncIterable<WatchEvent>;
}
