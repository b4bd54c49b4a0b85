import type { KubeClient } from '../../../kube/client.ts';
import { connectKubeconfig } from '../../../kube/connection.ts';
import { isAlreadyExists, isConflict, isNotFound, KubeError } from '../../../kube/errors.ts';
import { createEventRecorder } from '../../../kube/events.ts';
import { createKubeClient } from '../../../kube/http-client.ts';
import { createLeaderElection, type LeaderElection } from '../../../kube/lease.ts';
import type { KubeList, KubeObject } from '../../../kube/objects.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { createReflector, type Reflector } from '../../../kube/reflector.ts';
import { realClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { realRandom } from '../../../runtime/random.ts';
import { startApiServer, type ApiServer } from '../api-server.ts';

const WAIT_MS = 60_000;
const until = async (what: string, check: () => boolean | Promise<boolean>): Promise<void> => {
  const end = Date.now() + WAIT_MS;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const configMap = (name: string, data: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});
const AT = { namespace: 'default' };
const MAPS = pathOf(KINDS.configMaps, AT);
const mapPath = (name: string): string => pathOf(KINDS.configMaps, { ...AT, name });

let api: ApiServer;
beforeAll(async () => {
  // Without the watch cache a watch reads etcd itself, so a compacted version is gone at once.
  api = await startApiServer({ flags: ['--watch-cache=false', '--etcd-compaction-interval=1s'] });
}, 120_000);
afterAll(() => api.close());

/** What a watch from a version answers first: 410, or 0 when that version is still there. Makes a new version each time. */
const firstAnswer = async (version: string): Promise<number> => {
  await api.client.patch(mapPath('ticker'), { type: 'merge', body: { data: { tick: String(Date.now()) } } });
  const stop = new AbortController();
  try {
    for await (const event of api.client.stream(MAPS, { resourceVersion: version }, stop.signal))
      return Number(event.object['code'] ?? 0);
    return 0;
  } catch (error) {
    return error instanceof KubeError ? error.status : -1;
  } finally {
    stop.abort();
  }
};

const reflectors: Reflector<KubeObject>[] = [];
const follow = async (changes: string[] = [], query = {}, client: KubeClient = api.client): Promise<Reflector<KubeObject>> => {
  const reflector = createReflector({
    client,
    path: MAPS,
    query,
    clock: realClock,
    random: realRandom,
    log: silentLog,
    onChange: (key, object) => void changes.push(object === undefined ? `-${key}` : key),
  });
  reflectors.push(reflector);
  reflector.start();
  await reflector.whenSynced();
  return reflector;
};
afterEach(async () => {
  await Promise.all(reflectors.splice(0).map((reflector) => reflector.stop()));
});

describe('client', () => {
  it('creates, reads, replaces, patches in four ways and deletes', async () => {
    const { client } = api;
    await client.create(MAPS, configMap('a', { x: '1' }));
    const read = await client.get<KubeObject>(mapPath('a'));
    await client.replace(mapPath('a'), { ...read, data: { x: '2' } });
    await client.patch(mapPath('a'), { type: 'merge', body: { data: { merge: 'yes' } } });
    await client.patch(mapPath('a'), { type: 'strategic', body: { data: { strategic: 'yes' } } });
    await client.patch(mapPath('a'), { type: 'json', body: [{ op: 'add', path: '/data/json', value: 'yes' }] });
    const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { apply: 'yes' } };
    await client.patch(mapPath('a'), { type: 'apply', body: applied, fieldManager: 'test', force: true });
    expect((await client.get<KubeObject>(mapPath('a')))['data']).toEqual({
      x: '2',
      merge: 'yes',
      strategic: 'yes',
      json: 'yes',
      apply: 'yes',
    });
    await client.delete(mapPath('a'), { preconditions: { uid: read.metadata.uid } });
    await expect(client.get(mapPath('a'))).rejects.toThrow('configmaps "a" not found');
  });

  it('tells the errors a controller must tell apart', async () => {
    const { client } = api;
    const created = await client.create<KubeObject>(MAPS, configMap('b'));
    const again = await client.create(MAPS, configMap('b')).catch((error: unknown) => error);
    await client.patch(mapPath('b'), { type: 'merge', body: { data: { y: '1' } } });
    const stale = await client.replace(mapPath('b'), created).catch((error: unknown) => error);
    const missing = await client.get(mapPath('nope')).catch((error: unknown) => error);
    expect([isAlreadyExists(again), isConflict(again)]).toEqual([true, false]);
    expect([isAlreadyExists(stale), isConflict(stale)]).toEqual([false, true]);
    expect(isNotFound(missing)).toBe(true);
  });

  it('works by a kubeconfig file as kubectl does', async () => {
    const client = createKubeClient(await connectKubeconfig(api.kubeconfig));
    expect((await client.get<KubeObject>('/api/v1/namespaces/default')).metadata.name).toBe('default');
    client.close();
  });

  it('is refused with a wrong token, by name', async () => {
    const client = createKubeClient({
      ...api.connection,
      credentials: () => Promise.resolve({ ca: api.caPem, headers: { authorization: 'Bearer wrong' } }),
    });
    await expect(client.get(MAPS)).rejects.toMatchObject({ status: 401, reason: 'Unauthorized' });
    client.close();
  });
});

describe('reflector', () => {
  it('follows a collection and its deletions', async () => {
    const changes: string[] = [];
    const reflector = await follow(changes);
    await api.client.create(MAPS, configMap('follow'));
    await until('added', () => reflector.get('default/follow') !== undefined);
    expect(reflector.get('default/follow')?.metadata).not.toHaveProperty('managedFields');
    await api.client.delete(mapPath('follow'));
    await until('deleted', () => changes.at(-1) === '-default/follow');
  });

  it('pages through 1,200 objects', async () => {
    const labels = { many: 'yes' };
    const names = Array.from({ length: 1200 }, (_, i) => `many-${i}`);
    for (let i = 0; i < names.length; i += 50) {
      await Promise.all(
        names.slice(i, i + 50).map((name) => {
          const object = configMap(name);
          return api.client.create(MAPS, { ...object, metadata: { ...object.metadata, labels } });
        }),
      );
    }
    const page = await api.client.get<KubeList>(MAPS, { labelSelector: 'many=yes', limit: 500 });
    expect(page.metadata.continue).toBeTruthy();
    const reflector = await follow([], { labelSelector: 'many=yes' });
    expect(reflector.list()).toHaveLength(1200);
    expect(reflector.get('default/many-7')).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
  }, 120_000);

  it('is back after the version it stands at was compacted (410), and notices what was deleted meanwhile', async () => {
    await Promise.all([api.client.create(MAPS, configMap('doomed')), api.client.create(MAPS, configMap('ticker'))]);
    const changes: string[] = [];
    const answers: number[] = [];
    // Between its list and its first watch, the version it got is made too old.
    const client: typeof api.client = {
      ...api.client,
      stream: async function* (path, query, signal) {
        if (answers.length === 0) {
          await api.client.delete(mapPath('doomed'));
          await until('compaction', async () => (await firstAnswer(String(query['resourceVersion']))) === 410);
          answers.push(await firstAnswer(String(query['resourceVersion'])));
        }
        yield* api.client.stream(path, query, signal);
      },
    };
    const reflector = await follow(changes, {}, client);
    expect(changes).toContain('default/doomed');
    await until('the deletion is noticed', () => changes.includes('-default/doomed'));
    expect(answers).toEqual([410]);
    await api.client.create(MAPS, configMap('after-410'));
    await until('it watches again', () => reflector.get('default/after-410') !== undefined);
  });

  it('lives through a restart of the API server and a few seconds without it', async () => {
    const changes: string[] = [];
    const reflector = await follow(changes);
    await api.stop();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(reflector.synced()).toBe(true);
    await api.start();
    await api.client.create(MAPS, configMap('after-restart'));
    await until('the change after the restart', () => reflector.get('default/after-restart') !== undefined);
  }, 120_000);
});

it('of two candidates one leads, and the other follows when it stops', async () => {
  const elect = (identity: string): LeaderElection =>
    createLeaderElection({
      client: api.client,
      namespace: 'default',
      name: 'lease',
      identity,
      clock: realClock,
      log: silentLog,
      onLead: () => undefined,
      durationMs: 3000,
    });
  const [a, b] = [elect('a'), elect('b')];
  a.start();
  b.start();
  await until('one leads', () => a.leading() !== b.leading());
  const [first, second] = a.leading() ? [a, b] : [b, a];
  await first.stop();
  await until('the other leads', () => second.leading());
  await second.stop();
  const lease = await api.client.get<KubeObject>(pathOf(KINDS.leases, { ...AT, name: 'lease' }));
  expect(lease['spec']).toMatchObject({ holderIdentity: '', leaseTransitions: 1 });
});

it('events arrive where kubectl describe looks, and a storm is capped', async () => {
  const recorder = createEventRecorder({
    client: api.client,
    component: 'podvisor-agent',
    host: 'node1',
    clock: realClock,
    log: silentLog,
  });
  const about = {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: 'default',
    name: 'stormy',
    uid: '11111111-1111-1111-1111-111111111111',
  };
  for (let i = 0; i < 100; i++)
    recorder.record(about, { type: 'Warning', reason: 'GuestPanicked', message: `panic ${i} ${'x'.repeat(2000)}` });
  await recorder.flush();
  const events = await api.client.get<KubeList>('/api/v1/namespaces/default/events', {
    fieldSelector: `involvedObject.uid=${about.uid}`,
  });
  expect(events.items).toHaveLength(10);
  expect(events.items?.[0]).toMatchObject({ reason: 'GuestPanicked', type: 'Warning' });
});
