import { KubeError } from '../../../kube/errors.ts';
import { createReflector, type Reflector } from '../../../kube/reflector.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createFakeClock, type FakeClock } from '../../build/fake-clock.ts';
import { createFakeKube, type FakeKube } from '../../build/fake-kube.ts';

let kube: FakeKube;
let clock: FakeClock;
let reflector: Reflector<unknown>;
beforeEach(() => {
  kube = createFakeKube();
  clock = createFakeClock();
  const common = { client: kube.client, clock, random: () => 0, log: silentLog };
  reflector = createReflector({ ...common, path: '/api/v1/pods', mayBeAbsent: true });
});
afterEach(() => reflector.stop());

async function start(): Promise<void> {
  reflector.start();
  await reflector.whenSynced();
  await clock.settle();
}

test('a reflector tells when it last heard of the API server', async () => {
  expect(reflector.heardAt()).toBeUndefined();
  await start();
  const listed = clock.now();
  expect(reflector.heardAt()).toBe(listed);
  await clock.advance(5_000);
  expect(reflector.heardAt()).toBe(listed);
  kube.put({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'ns', name: 'a' } });
  await clock.settle();
  expect(reflector.heardAt()).toBe(listed + 5_000);
});

test('a failed list is no sign of life', async () => {
  await start();
  const listed = clock.now();
  kube.onRequest = () => new KubeError(500, 'InternalError', 'no');
  await clock.advance(600_000);
  expect(reflector.heardAt()).toBeLessThanOrEqual(listed + 100_000);
});

test('a kind that is not installed is told from an empty one, until it is installed', async () => {
  kube.onRequest = () => new KubeError(404, 'NotFound', 'the server could not find the requested resource');
  await start();
  expect(reflector.present()).toBe(false);
  kube.onRequest = undefined;
  await clock.advance(60_000);
  expect(reflector.present()).toBe(true);
});
