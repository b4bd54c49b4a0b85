import { KubeError } from '../../../kube/errors.ts';
import { createLeaderElection, type LeaderElection } from '../../../kube/lease.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createFakeClock, type FakeClock } from '../../build/fake-clock.ts';
import { createFakeKube, type FakeKube, type SeenRequest } from '../../build/fake-kube.ts';

const PATH = '/apis/coordination.k8s.io/v1/namespaces/sys/leases/l';

interface Candidate extends LeaderElection {
  readonly log: string[];
}

const candidate = (
  kube: FakeKube,
  clock: FakeClock,
  identity: string,
  work?: (signal: AbortSignal) => Promise<void>,
): Candidate => {
  const log: string[] = [];
  const onLead = (signal: AbortSignal): Promise<void> | void => {
    log.push('won');
    signal.addEventListener('abort', () => log.push('lost'));
    return work?.(signal);
  };
  return {
    log,
    ...createLeaderElection({ client: kube.client, namespace: 'sys', name: 'l', identity, clock, log: silentLog, onLead }),
  };
};
const holder = (kube: FakeKube): unknown =>
  (kube.peek(PATH)?.['spec'] as { holderIdentity?: unknown } | undefined)?.holderIdentity;
const isWrite = ({ method }: SeenRequest): boolean => method === 'PUT' || method === 'POST';

it('one of two leads; the other follows within a moment when it stops', async () => {
  const [kube, clock] = [createFakeKube(), createFakeClock()];
  const [a, b] = [candidate(kube, clock, 'a'), candidate(kube, clock, 'b')];
  a.start();
  await clock.settle();
  b.start();
  await clock.advance(120_000);
  expect([a.leading(), b.leading()]).toEqual([true, false]);
  await a.stop();
  expect(holder(kube)).toBe('');
  await clock.advance(5000);
  expect([a.leading(), b.leading()]).toEqual([false, true]);
  expect(a.log).toEqual(['won', 'lost']);
  await b.stop();
  expect(clock.pending()).toBe(0);
});

it('writes three times per duration and no more', async () => {
  const [kube, clock] = [createFakeKube(), createFakeClock()];
  const [a, b] = [candidate(kube, clock, 'a'), candidate(kube, clock, 'b')];
  a.start();
  b.start();
  await clock.advance(1000);
  const before = kube.requests.filter(isWrite).length;
  await clock.advance(300_000);
  expect(kube.requests.filter(isWrite).length - before).toBe(30);
  await Promise.all([a.stop(), b.stop()]);
});

it('loses its reign before anybody else may take over, when it cannot reach the server', async () => {
  const [kube, clock] = [createFakeKube(), createFakeClock()];
  const [a, b] = [candidate(kube, clock, 'a'), candidate(kube, clock, 'b')];
  a.start();
  await clock.settle();
  b.start();
  await clock.advance(10_000);
  // From here on a's requests fail; b's do not. They are told apart by the holder they would write.
  const cut = (request: SeenRequest): boolean =>
    isWrite(request) && JSON.stringify(request.body).includes('"holderIdentity":"a"');
  kube.onRequest = (request) => (cut(request) ? new KubeError(0, 'Unreachable', 'no route') : undefined);
  await clock.advance(19_000);
  expect([a.leading(), b.leading()]).toEqual([true, false]);
  await clock.advance(2000);
  expect([a.leading(), b.leading()]).toEqual([false, false]);
  await clock.advance(30_000);
  expect([a.leading(), b.leading()]).toEqual([false, true]);
  await Promise.all([a.stop(), b.stop()]);
});

it('loses its reign while a request hangs', async () => {
  const [kube, clock] = [createFakeKube(), createFakeClock()];
  const never = new Promise<never>(() => undefined);
  let hang = false;
  const get = <T>(path: string): Promise<T> => (hang ? never : kube.client.get<T>(path));
  const client = { ...kube.client, get };
  const a = candidate({ ...kube, client }, clock, 'a');
  a.start();
  await clock.settle();
  hang = true;
  await clock.advance(20_000);
  expect(a.leading()).toBe(false);
  expect(a.log).toEqual(['won', 'lost']);
});

it('gives the lease up when its work fails', async () => {
  const [kube, clock] = [createFakeKube(), createFakeClock()];
  const a = candidate(kube, clock, 'a', () => Promise.reject(new Error('bug')));
  a.start();
  await clock.settle();
  expect(a.leading()).toBe(false);
  await clock.advance(10_000);
  expect(holder(kube)).toBe('');
  await a.stop();
});

it('gives the lease back only after its work has ended', async () => {
  const [kube, clock] = [createFakeKube(), createFakeClock()];
  const work = Promise.withResolvers<undefined>();
  const a = candidate(kube, clock, 'a', () => work.promise.then(() => undefined));
  a.start();
  await clock.settle();
  const stopped = a.stop();
  await clock.settle();
  expect(holder(kube)).toBe('a');
  work.resolve(undefined);
  await stopped;
  expect(holder(kube)).toBe('');
});

it('steps down at once when another one took the lease', async () => {
  const [kube, clock] = [createFakeKube(), createFakeClock()];
  const a = candidate(kube, clock, 'a');
  a.start();
  await clock.settle();
  await kube.client.patch(PATH, { type: 'merge', body: { spec: { holderIdentity: 'thief' } } });
  await clock.advance(10_000);
  expect(a.leading()).toBe(false);
  await a.stop();
  expect(holder(kube)).toBe('thief');
});
