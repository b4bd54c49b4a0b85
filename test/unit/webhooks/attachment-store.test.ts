import { KubeError } from '../../../kube/errors.ts';
import { silentLog } from '../../../runtime/log.ts';
import { type AttachmentStore, createAttachmentStore, READ_LIMIT_MS } from '../../../webhooks/networks/attachment-store.ts';
import { attachment } from '../../build/attachment.ts';
import { createFakeClock, type FakeClock } from '../../build/fake-clock.ts';
import { createFakeKube, type FakeKube } from '../../build/fake-kube.ts';

const PLURAL = 'network-attachment-definitions';
const LAN = attachment('lan', { type: 'bridge' });
const PATH = `/apis/k8s.cni.cncf.io/v1/namespaces/default/${PLURAL}/lan`;
const absent = new KubeError(404, 'NotFound', 'the server could not find the requested resource');

interface Rig {
  readonly kube: FakeKube;
  readonly clock: FakeClock;
  readonly store: AttachmentStore;
  readonly warnings: object[];
  /** Reads of single objects so far. */
  readonly reads: () => number;
}

const rigs: Rig[] = [];
afterEach(() => Promise.all(rigs.splice(0).map(({ store }) => store.stop())));

function rig(): Rig {
  const kube = createFakeKube();
  const clock = createFakeClock();
  const warnings: object[] = [];
  const log = { ...silentLog, warn: (fields: object) => void warnings.push(fields) };
  const store = createAttachmentStore({ client: kube.client, clock, random: () => 0, log });
  const reads = () => kube.requests.filter(({ method, path }) => method === 'GET' && path === PATH).length;
  const made = { kube, clock, store, warnings, reads };
  rigs.push(made);
  return made;
}

test('what the cache has costs no request', async () => {
  const { kube, clock, store, reads } = rig();
  kube.put(LAN, PLURAL);
  store.start();
  await clock.settle();
  expect(await store.gather(['default/lan'])).toEqual({ 'default/lan': { types: ['bridge'] } });
  expect(reads()).toBe(0);
});

test('what the cache has not seen yet is read once, also for many pods at once', async () => {
  const { kube, store, reads } = rig();
  kube.put(LAN, PLURAL);
  const answers = await Promise.all(Array.from({ length: 5 }, () => store.gather(['default/lan'])));
  for (const answer of answers) expect(answer).toEqual({ 'default/lan': { types: ['bridge'] } });
  expect(reads()).toBe(1);
});

test('what is not there is not among the answers, and asked for again by the next pod', async () => {
  const { kube, store, reads } = rig();
  expect(await store.gather(['default/lan'])).toEqual({});
  kube.put(LAN, PLURAL);
  expect(await store.gather(['default/lan'])).toEqual({ 'default/lan': { types: ['bridge'] } });
  expect(reads()).toBe(2);
});

test('an API server that does not answer is waited for no longer than the limit', async () => {
  const { clock, kube } = rig();
  const client = { ...kube.client, get: () => new Promise<never>(() => undefined) };
  const store = createAttachmentStore({ client, clock, random: () => 0, log: silentLog });
  const answer = store.gather(['default/lan']);
  await clock.advance(READ_LIMIT_MS);
  expect((await answer)['default/lan']?.problem).toContain('did not answer within 500 ms');
  expect(clock.pending()).toBe(0);
});

test('an error is told, not taken for absence', async () => {
  const { kube, store } = rig();
  kube.onRequest = () => new KubeError(403, 'Forbidden', 'not for you');
  expect((await store.gather(['default/lan']))['default/lan']?.problem).toBe('cannot be read (not for you); try again');
});

test('the kind may be missing: no complaint, no attachments, and it comes alive when installed', async () => {
  const { kube, clock, store, warnings, reads } = rig();
  kube.onRequest = ({ path }) => (path.includes(PLURAL) ? absent : undefined);
  store.start();
  await clock.advance(60_000);
  expect(await store.gather(['default/lan'])).toEqual({});
  expect(warnings).toEqual([]);
  kube.onRequest = undefined;
  kube.put(LAN, PLURAL);
  await clock.advance(60_000);
  const before = reads();
  expect(await store.gather(['default/lan'])).toEqual({ 'default/lan': { types: ['bridge'] } });
  expect(reads()).toBe(before);
});

test('when the kind is removed, what it had is forgotten', async () => {
  const { kube, clock, store } = rig();
  kube.put(LAN, PLURAL);
  store.start();
  await clock.settle();
  kube.onRequest = ({ path }) => (path.includes(PLURAL) ? absent : undefined);
  kube.compact();
  kube.endWatches(new KubeError(410, 'Gone', 'gone'));
  await clock.advance(60_000);
  expect(await store.gather(['default/lan'])).toEqual({});
});
