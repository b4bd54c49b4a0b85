import type { KubeClient, KubePatch, Query, WatchEvent } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { matches, patched, type Json } from './fake-kube-json.ts';

/** One request the fake has seen. */
export interface SeenRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'WATCH';
  readonly path: string;
  readonly query: Query;
  readonly body?: unknown;
}

/** An API server in memory: list (paged), watch, create, replace, patch, delete, selectors, versions, conflicts. No validation. */
export interface FakeKube {
  readonly client: KubeClient;
  /** Everything asked so far. */
  readonly requests: SeenRequest[];
  /** Creates or overwrites, as somebody else would. Needs apiVersion, kind and metadata; `plural` defaults to lower(kind)+s. */
  put(object: KubeObject, plural?: string): KubeObject;
  /** Deletes by object path, as somebody else would. */
  remove(path: string): void;
  /** The object at this path, if any. */
  peek(path: string): Json | undefined;
  /** Called before each request; a returned error is what the request gets. Replace it with undefined to heal. */
  onRequest: ((request: SeenRequest) => KubeError | undefined) | undefined;
  /** Ends every open watch: in order, or with an error. */
  endWatches(error?: KubeError): void;
  /** Forgets history: watches and continue tokens from old versions get 410. */
  compact(): void;
  openWatches(): number;
}

interface Address {
  readonly root: string;
  readonly namespace?: string | undefined;
  readonly plural: string;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

interface Stored {
  readonly address: Address;
  readonly object: Json;
}

interface Change {
  readonly version: number;
  readonly address: Address;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

interface DeleteOptions {
  readonly preconditions?: { readonly uid?: string };
}

interface Store {
  version: number;
  compacted: number;
  uids: number;
  readonly objects: Map<string, Stored>;
  readonly history: Change[];
  readonly listeners: Set<(change: Change | KubeError | 'end') => void>;
}

/** Through JSON, as over the wire: structuredClone would make objects of another realm than jest's, whose prototypes are not equal. */
const copy = <T>(value: T): T => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T));

function parsePath(path: string): Address {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const rootLength = parts[0] === 'api' ? 2 : 3;
  const root = parts.slice(0, rootLength).join('/');
  const rest = parts.slice(rootLength);
  const namespaced = rest[0] === 'namespaces' && rest.length >= 3;
  const [plural = '', name, subresource] = namespaced ? rest.slice(2) : rest;
  return { root, plural, name, subresource, namespace: namespaced ? rest[1] : undefined };
}

const objectKey = (a: Address): string => [a.root, a.namespace ?? '', a.plural, a.name].join('|');
const sameCollection = (a: Address, of: Address): boolean =>
  a.root === of.root &&
  a.plural === of.plural &&
  (of.namespace === undefined || a.namespace === of.namespace) &&
  (of.name === undefined || a.name === of.name);

function commit(store: Store, address: Address, after: Json | undefined): Json {
  const key = objectKey(address);
  const before = store.objects.get(key)?.object;
  store.version += 1;
  const version = String(store.version);
  const object = copy(after ?? before ?? { metadata: {} });
  object.metadata = {
    creationTimestamp: '2026-01-01T00:00:00Z',
    uid: `uid-${++store.uids}`,
    ...object.metadata,
    resourceVersion: version,
  };
  if (after === undefined) store.objects.delete(key);
  else store.objects.set(key, { address, object });
  const change = { version: store.version, address, before, after: after === undefined ? undefined : object };
  store.history.push(change);
  for (const listener of store.listeners) listener(change);
  return copy(object);
}

function eventOf(change: Change, of: Address, query: Query): WatchEvent | undefined {
  if (!sameCollection(change.address, of)) return undefined;
  const isIn = matches(change.after, query);
  const wasIn = matches(change.before, query);
  if (isIn) return { type: wasIn ? 'MODIFIED' : 'ADDED', object: copy(change.after!) };
  if (!wasIn) return undefined;
  return {
    type: 'DELETED',
    object: copy({ ...change.before!, metadata: { ...change.before!.metadata, resourceVersion: String(change.version) } }),
  };
}

async function* watch(store: Store, of: Address, query: Query, signal: AbortSignal): AsyncGenerator<WatchEvent> {
  const since = Number(query['resourceVersion'] ?? store.version);
  if (since < store.compacted) {
    yield {
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${since}` },
    };
    return;
  }
  const queue: (Change | KubeError | 'end')[] = store.history.filter((change) => change.version > since);
  let wake = Promise.withResolvers<undefined>();
  const listener = (change: Change | KubeError | 'end'): void => {
    queue.push(change);
    wake.resolve(undefined);
  };
  const onAbort = (): void => listener(new KubeError(0, 'Aborted', 'the watch was stopped'));
  store.listeners.add(listener);
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      if (queue.length === 0) await wake.promise;
      wake = Promise.withResolvers();
      const next = queue.shift();
      if (next === undefined) continue;
      if (next === 'end') return;
      if (next instanceof KubeError) throw next;
      const event = eventOf(next, of, query);
      if (event !== undefined) yield event;
    }
  } finally {
    store.listeners.delete(listener);
    signal.removeEventListener('abort', onAbort);
  }
}

function listPage(store: Store, of: Address, query: Query): Json {
  const found = [...store.objects.values()].filter(
    ({ address, object }) => sameCollection(address, of) && matches(object, query),
  );
  const [version = String(store.version), offset = '0'] =
    typeof query['continue'] === 'string' ? query['continue'].split(':') : [];
  if (Number(version) < store.compacted) throw new KubeError(410, 'Expired', 'the continue token is too old');
  const end = Number(offset) + Number(query['limit'] ?? found.length);
  const items = found.slice(Number(offset), end).map(({ object }) => copy(object));
  return {
    kind: 'List',
    metadata: { resourceVersion: version, ...(end < found.length ? { continue: `${version}:${end}` } : {}) },
    items,
  };
}

function required(store: Store, path: string): Stored {
  const address = parsePath(path);
  const stored = store.objects.get(objectKey(address));
  if (stored === undefined) throw new KubeError(404, 'NotFound', `${address.plural} "${address.name}" not found`);
  return stored;
}

function checkVersion(stored: Stored, body: Partial<Json>): void {
  const wanted = body.metadata?.resourceVersion;
  if (wanted !== undefined && wanted !== stored.object.metadata.resourceVersion)
    throw new KubeError(409, 'Conflict', 'the object has been modified');
}

function create(store: Store, path: string, body: Json): Json {
  const at = parsePath(path);
  const name: string = body.metadata.name ?? `${body.metadata.generateName}${store.version + 1}`;
  const address = { ...at, name };
  if (store.objects.has(objectKey(address))) throw new KubeError(409, 'AlreadyExists', `${at.plural} "${name}" already exists`);
  return commit(store, address, {
    ...body,
    metadata: { ...(at.namespace === undefined ? {} : { namespace: at.namespace }), ...body.metadata, name },
  });
}

function applyPatchAt(store: Store, path: string, patch: KubePatch): Json {
  const address = parsePath(path);
  const missing = !store.objects.has(objectKey(address));
  if (missing && patch.type === 'apply') return create(store, path.slice(0, path.lastIndexOf('/')), patch.body as Json);
  const stored = required(store, path);
  const result = patched(stored.object, patch);
  checkVersion(stored, patch.body);
  return commit(store, stored.address, result);
}

function remove(store: Store, path: string, options: DeleteOptions = {}): void {
  const stored = required(store, path);
  const uid = options.preconditions?.uid;
  if (uid !== undefined && uid !== stored.object.metadata.uid) throw new KubeError(409, 'Conflict', 'the UID differs');
  commit(store, stored.address, undefined);
}

/** An empty API server. */
export function createFakeKube(): FakeKube {
  const store: Store = { version: 100, compacted: 0, uids: 0, objects: new Map(), history: [], listeners: new Set() };
  const seen = (request: SeenRequest): void => {
    fake.requests.push(copy(request));
    const error = fake.onRequest?.(request);
    if (error !== undefined) throw error;
  };
  const answer = async <T>(request: SeenRequest, run: () => unknown): Promise<T> => {
    await Promise.resolve();
    seen(request);
    return copy(run()) as T;
  };
  const client: KubeClient = {
    get: (path, query = {}) =>
      answer({ method: 'GET', path, query }, () =>
        parsePath(path).name === undefined ? listPage(store, parsePath(path), query) : required(store, path).object,
      ),
    create: (path, body, query = {}) => answer({ method: 'POST', path, query, body }, () => create(store, path, body as Json)),
    replace: (path, body) =>
      answer({ method: 'PUT', path, query: {}, body }, () => {
        const stored = required(store, path);
        const next = body as Json;
        checkVersion(stored, next);
        const { uid = '', creationTimestamp = '' } = stored.object.metadata;
        return commit(store, stored.address, { ...next, metadata: { uid, creationTimestamp, ...next.metadata } });
      }),
    patch: (path, patch) => answer({ method: 'PATCH', path, query: {}, body: patch }, () => applyPatchAt(store, path, patch)),
    delete: (path, body) => answer({ method: 'DELETE', path, query: {}, body }, () => remove(store, path, body)),
    stream: async function* (path, query, signal) {
      await Promise.resolve();
      seen({ method: 'WATCH', path, query });
      yield* watch(store, parsePath(path), query, signal);
    },
  };
  const fake: FakeKube = {
    client,
    requests: [],
    onRequest: undefined,
    put: (object, plural) => {
      const { apiVersion = 'v1', kind = 'Pod', metadata } = object;
      const root = apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
      const address = { root, namespace: metadata.namespace, plural: plural ?? `${kind.toLowerCase()}s`, name: metadata.name };
      const known = store.objects.get(objectKey(address))?.object.metadata.uid;
      return commit(store, address, {
        ...object,
        metadata: { ...(known === undefined ? {} : { uid: known }), ...metadata },
      }) as unknown as KubeObject;
    },
    remove: (path) => remove(store, path),
    peek: (path) => copy(store.objects.get(objectKey(parsePath(path)))?.object),
    endWatches: (error) => {
      for (const listener of store.listeners) listener(error ?? 'end');
    },
    compact: () => {
      store.version += 1;
      store.compacted = store.version;
      store.history.length = 0;
    },
    openWatches: () => store.listeners.size,
  };
  return fake;
}
