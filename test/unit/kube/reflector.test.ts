import { KubeError } from '../../../kube/errors.ts';
import type { KubeObject } from '../../../kube/objects.ts';
import { createReflector, type Reflector, type ReflectorOptions } from '../../../kube/reflector.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createFakeClock, type FakeClock } from '../../build/fake-clock.ts';
import { createFakeKube, type FakeKube } from '../../build/fake-kube.ts';

const PODS = '/api/v1/pods';
const pod = (name: string, extra: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'ns', name },
  ...extra,
});
const podPath = (name: string): string => `/api/v1/namespaces/ns/pods/${name}`;

interface Rig {
  readonly kube: FakeKube;
  readonly clock: FakeClock;
  readonly reflector: Reflector<KubeObject>;
  /** `ns/a` for a change, `-ns/a` for a deletion. */
  readonly changes: string[];
  readonly asked: (method: string) => number;
}

const rigs: Rig[] = [];
const rig = (options: Partial<ReflectorOptions<KubeObject>> = {}): Rig => {
  const kube = createFakeKube();
  const clock = createFakeClock();
  const changes: string[] = [];
  const reflector = createReflector({
    client: kube.client,
    path: PODS,
    clock,
    random: () => 0,
    log: silentLog,
    onChange: (key, object) => void changes.push(object === undefined ? `-${key}` : key),
    ...options,
  });
  const made = {
    kube,
    clock,
    reflector,
    changes,
    asked: (method: string) => kube.requests.filter((request) => request.method === method).length,
  };
  rigs.push(made);
  return made;
};
const started = async (made: Rig): Promise<Rig> => {
  made.reflector.start();
  await made.reflector.whenSynced();
  await made.clock.settle();
  return made;
};
afterEach(() => Promise.all(rigs.splice(0).map(({ reflector }) => reflector.stop())));

describe('reflector', () => {
  it('lists, then follows additions, changes and deletions', async () => {
    const { kube, clock, reflector, changes } = rig();
    kube.put(pod('a'));
    reflector.start();
    expect(reflector.synced()).toBe(false);
    await reflector.whenSynced();
    expect(reflector.synced()).toBe(true);
    await clock.settle();
    kube.put(pod('b'));
    kube.put(pod('a', { spec: { nodeName: 'n1' } }));
    kube.remove(podPath('b'));
    await clock.settle();
    expect(changes).toEqual(['ns/a', 'ns/b', 'ns/a', '-ns/b']);
    expect(reflector.get('ns/a')?.['spec']).toEqual({ nodeName: 'n1' });
    expect(reflector.list()).toHaveLength(1);
  });

  it('asks for bookmarks, a random time limit and pages of 100, with its selectors', async () => {
    const { kube } = await started(rig({ query: { labelSelector: 'a=b' }, random: () => 0.5 }));
    expect(kube.requests[0]?.query).toEqual({ labelSelector: 'a=b', limit: 100, continue: undefined });
    expect(kube.requests[1]?.query).toMatchObject({
      labelSelector: 'a=b',
      allowWatchBookmarks: true,
      timeoutSeconds: 360,
      resourceVersion: '100',
    });
  });

  it('lists 240 objects in three pages', async () => {
    const made = rig();
    for (let i = 0; i < 240; i++) made.kube.put(pod(`p${i}`));
    await started(made);
    expect(made.reflector.list()).toHaveLength(240);
    expect(made.asked('GET')).toBe(3);
  });

  it('starts over without pages when the continue token has expired', async () => {
    const made = rig();
    for (let i = 0; i < 240; i++) made.kube.put(pod(`p${i}`));
    made.kube.onRequest = (request) => {
      if (request.query['continue'] !== undefined) made.kube.compact();
      return undefined;
    };
    await started(made);
    expect(made.reflector.list()).toHaveLength(240);
    expect(made.kube.requests.filter(({ method }) => method === 'GET').map(({ query }) => query['limit'])).toEqual([
      100,
      100,
      undefined,
    ]);
  });

  it('resumes from the last version when the server ends a watch, without listing', async () => {
    const { kube, clock, asked, changes } = await started(rig());
    kube.put(pod('a'));
    await clock.settle();
    kube.endWatches();
    kube.put(pod('b'));
    await clock.settle();
    expect(changes).toEqual(['ns/a', 'ns/b']);
    expect(asked('GET')).toBe(1);
    expect(asked('WATCH')).toBe(2);
  });

  it.each<[string, (kube: FakeKube) => void]>([
    ['as an ERROR event', () => undefined],
    [
      'as an HTTP status',
      (kube) => {
        let once = true;
        kube.onRequest = ({ method }) => {
          if (method !== 'WATCH' || !once) return undefined;
          once = false;
          return new KubeError(410, 'Expired', 'too old');
        };
      },
    ],
  ])('lists again after 410 %s and reports what was deleted meanwhile', async (_, arrange) => {
    const made = rig();
    made.kube.put(pod('a'));
    made.kube.put(pod('same'));
    const { kube, clock, changes, reflector } = await started(made);
    arrange(kube);
    const same = reflector.get('ns/same');
    kube.endWatches(new KubeError(0, 'Unreachable', 'cut'));
    kube.remove(podPath('a'));
    kube.put(pod('b'));
    kube.compact();
    await clock.advance(60_000);
    expect(changes).toEqual(['ns/a', 'ns/same', '-ns/a', 'ns/b']);
    expect(reflector.get('ns/same')).toBe(same);
    expect(reflector.get('ns/a')).toBeUndefined();
  });

  it('slows down when list works and every watch says 410', async () => {
    const { kube, clock, asked } = rig();
    kube.onRequest = ({ method }) => (method === 'WATCH' ? new KubeError(410, 'Expired', 'too old') : undefined);
    rigs.at(-1)?.reflector.start();
    await clock.advance(60_000);
    // 1 + 2 + 4 + 8 + 16 + 30 s
    expect(asked('WATCH')).toBe(6);
  });

  it('lives through 60 s without an API server: no storm, and the change of that time arrives', async () => {
    const { kube, clock, asked, changes, reflector } = await started(rig());
    kube.onRequest = () => new KubeError(0, 'Unreachable', 'ECONNREFUSED');
    kube.endWatches(new KubeError(0, 'Unreachable', 'ECONNRESET'));
    kube.put(pod('a'));
    const before = kube.requests.length;
    await clock.advance(60_000);
    expect(kube.requests.length - before).toBeLessThanOrEqual(7);
    expect(changes).toEqual([]);
    expect(reflector.synced()).toBe(true);
    kube.onRequest = undefined;
    await clock.advance(30_000);
    expect(changes).toEqual(['ns/a']);
    expect(kube.openWatches()).toBe(1);
    expect(asked('GET')).toBeGreaterThanOrEqual(1);
  });

  it('is not synced while the list fails', async () => {
    const { kube, clock, reflector } = rig();
    kube.onRequest = ({ method }) => (method === 'GET' ? new KubeError(403, 'Forbidden', 'pods is forbidden') : undefined);
    reflector.start();
    await clock.advance(10_000);
    expect(reflector.synced()).toBe(false);
    kube.onRequest = undefined;
    await clock.advance(30_000);
    expect(reflector.synced()).toBe(true);
  });

  it('waits as long as a 429 says', async () => {
    const { kube, clock, asked, reflector } = rig();
    kube.onRequest = () => new KubeError(429, 'TooManyRequests', 'busy', { retryAfterMs: 20_000 });
    reflector.start();
    await clock.advance(19_999);
    expect(asked('GET')).toBe(1);
    await clock.advance(1);
    expect(asked('GET')).toBe(2);
  });

  it('gives up a watch that is silent for 90 s and resumes it', async () => {
    const { kube, clock, asked, changes } = await started(rig());
    await clock.advance(89_999);
    expect(asked('WATCH')).toBe(1);
    await clock.advance(1001);
    expect(asked('WATCH')).toBe(2);
    expect(asked('GET')).toBe(1);
    kube.put(pod('a'));
    await clock.settle();
    expect(changes).toEqual(['ns/a']);
  });

  it('lets an event or bookmark count as life', async () => {
    const { kube, clock, asked } = await started(rig());
    await clock.advance(60_000);
    kube.put(pod('a'));
    await clock.advance(60_000);
    expect(asked('WATCH')).toBe(1);
  });

  it('survives a handler that throws', async () => {
    const seen: string[] = [];
    const onChange = (key: string): void => {
      seen.push(key);
      throw new Error('bug');
    };
    const made = rig({ onChange });
    made.kube.put(pod('a'));
    await started(made);
    made.kube.put(pod('b'));
    await made.clock.settle();
    expect(seen).toEqual(['ns/a', 'ns/b']);
    expect(made.asked('WATCH')).toBe(1);
  });

  it('leaves out what keep does not want or cannot read', async () => {
    const keep = (raw: KubeObject): KubeObject | undefined => {
      if (raw.metadata.name === 'odd') throw new Error('cannot read');
      return raw.metadata.name === 'no' ? undefined : raw;
    };
    const made = rig({ keep });
    for (const name of ['a', 'no', 'odd']) made.kube.put(pod(name));
    await started(made);
    made.kube.put(pod('odd', { spec: {} }));
    made.kube.put(pod('b'));
    await made.clock.settle();
    expect(made.reflector.list().map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(made.asked('WATCH')).toBe(1);
  });

  it('drops managedFields and nothing else', async () => {
    const made = rig();
    const metadata = { namespace: 'ns', name: 'a', managedFields: [{ manager: 'x' }], labels: { l: '1' } };
    made.kube.put({ ...pod('a'), metadata, later: { unknown: true } });
    await started(made);
    const got = made.reflector.get('ns/a');
    expect(got).toMatchObject({ apiVersion: 'v1', kind: 'Pod', later: { unknown: true }, metadata: { labels: { l: '1' } } });
    expect(got?.metadata).not.toHaveProperty('managedFields');
  });

  it('reports an object that leaves the selector as deleted', async () => {
    const made = rig({ query: { labelSelector: 'vm=true' } });
    const labelled = (labels: object): KubeObject => ({ ...pod('a'), metadata: { namespace: 'ns', name: 'a', ...{ labels } } });
    made.kube.put(labelled({ vm: 'true' }));
    await started(made);
    made.kube.put(labelled({}));
    await made.clock.settle();
    expect(made.changes).toEqual(['ns/a', '-ns/a']);
  });

  it.each(['while watching', 'while waiting'])('stops %s and leaves nothing behind', async (when) => {
    const { kube, clock, reflector } = await started(rig());
    if (when === 'while waiting') {
      kube.onRequest = () => new KubeError(500, 'InternalError', 'no');
      kube.endWatches(new KubeError(0, 'Unreachable', 'cut'));
      await clock.settle();
    }
    await reflector.stop();
    expect(kube.openWatches()).toBe(0);
    expect(clock.pending()).toBe(0);
    const before = kube.requests.length;
    await clock.advance(600_000);
    expect(kube.requests.length).toBe(before);
  });
});
