import { createLedWrites, LEASE_NAME } from '../../../../controllers/leadership/led-writes.ts';
import type { LedWrites, WriteList } from '../../../../controllers/leadership/led-writes.ts';
import { silentLog } from '../../../../runtime/log.ts';
import { createFakeClock, type FakeClock } from '../../../build/fake-clock.ts';
import { createFakeKube, type FakeKube } from '../../../build/fake-kube.ts';

const PATH = `/apis/coordination.k8s.io/v1/namespaces/sys/leases/${LEASE_NAME}`;

interface Replica {
  readonly writes: LedWrites;
  readonly list: WriteList;
}

let kube: FakeKube;
let clock: FakeClock;
/** `replica key`, in order. */
let written: string[];
let replicas: Replica[];

beforeEach(() => {
  kube = createFakeKube();
  clock = createFakeClock();
  written = [];
  replicas = [];
});
afterEach(async () => {
  await Promise.all(replicas.map(({ writes }) => writes.stop()));
  expect(clock.pending()).toBe(0);
});

/** A replica whose writes all replicas' caches see at once. */
function replica(identity: string, random: number, write?: (key: string) => Promise<void>): Replica {
  const options = { client: kube.client, clock, random: () => random, log: silentLog, namespace: 'sys', leaseMs: 30_000 };
  const writes = createLedWrites({ ...options, identity });
  const list = writes.list('test', async (key) => {
    await write?.(key);
    written.push(`${identity} ${key}`);
    for (const other of replicas) other.list.want(key, false);
  });
  const made = { writes, list };
  replicas.push(made);
  return made;
}

const wantAll = (key: string): void => {
  for (const { list } of replicas) list.want(key, true);
};
const leaseWrites = (): string[] =>
  kube.requests
    .filter(({ method, path }) => path.includes('/leases') && ['POST', 'PUT'].includes(method))
    .map(({ method }) => method);
const holder = (): unknown => (kube.peek(PATH)?.['spec'] as { holderIdentity?: unknown } | undefined)?.holderIdentity;

it('asks for nothing while there is nothing to write', async () => {
  replica('a', 0);
  await clock.advance(3_600_000);
  expect(kube.requests).toEqual([]);
});

it('one of two writes, once, and gives the lease back: two writes of the lease', async () => {
  replica('a', 0);
  replica('b', 0.9);
  wantAll('x');
  wantAll('y');
  await clock.advance(60_000);
  expect(written).toEqual(['a x', 'a y']);
  expect(leaseWrites()).toEqual(['POST', 'PUT']);
  expect(holder()).toBe('');
});

it('the one that led last goes first, at once', async () => {
  replica('a', 0.9);
  replica('b', 0);
  wantAll('x');
  await clock.advance(60_000);
  wantAll('y');
  await clock.advance(1000);
  expect(written).toEqual(['b x', 'b y']);
  expect(replicas.map(({ writes }) => writes.leading())).toEqual([false, true]);
});

it('another takes over from one that died with the lease', async () => {
  const hang = Promise.withResolvers<undefined>();
  const dead = replica('a', 0, async () => {
    await hang.promise;
    throw new Error('it never came to that');
  });
  dead.list.want('x', true);
  await clock.advance(5000);
  expect(holder()).toBe('a');
  // It renews no more, and cannot give the lease back while its write hangs.
  const gone = dead.writes.stop();
  replicas.splice(replicas.indexOf(dead), 1);
  const survivor = replica('b', 0);
  survivor.list.want('x', true);
  await clock.advance(60_000);
  expect(written).toEqual(['b x']);
  hang.resolve(undefined);
  await gone;
});

it('what fails is tried again while it is wanted', async () => {
  let failures = 3;
  replica('a', 0, async () => {
    await Promise.resolve();
    if (failures-- > 0) throw new Error('no');
  });
  wantAll('x');
  await clock.advance(30_000);
  expect(written).toEqual(['a x']);
  expect(holder()).toBe('');
});
