import { KubeError } from '../../../kube/errors.ts';
import { createWorkQueue, type ReconcileResult, type WorkQueue, type WorkQueueOptions } from '../../../kube/work-queue.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createFakeClock, type FakeClock } from '../../build/fake-clock.ts';

interface Rig {
  readonly clock: FakeClock;
  readonly queue: WorkQueue;
  /** Keys in the order their reconciles began. */
  readonly begun: string[];
  /** Ends the oldest running reconcile of a key. */
  readonly finish: (key: string, result?: ReconcileResult | Error) => Promise<void>;
}

const rig = (options: Partial<WorkQueueOptions> = {}): Rig => {
  const clock = createFakeClock();
  const begun: string[] = [];
  const running: { key: string; end: (result?: ReconcileResult | Error) => void }[] = [];
  const reconcile = (key: string): Promise<ReconcileResult | undefined> => {
    begun.push(key);
    return new Promise((resolve, reject) => {
      running.push({ key, end: (result) => (result instanceof Error ? reject(result) : resolve(result)) });
    });
  };
  const queue = createWorkQueue({ reconcile, workers: 2, clock, random: () => 0, log: silentLog, ...options });
  const finish = async (key: string, result?: ReconcileResult | Error): Promise<void> => {
    const index = running.findIndex((entry) => entry.key === key);
    running.splice(index, 1)[0]?.end(result);
    await clock.settle();
  };
  return { clock, queue, begun, finish };
};

it('runs a key once however often it is added while waiting', async () => {
  const { clock, queue, begun } = rig();
  for (let i = 0; i < 5; i++) queue.add('a');
  await clock.settle();
  expect(begun).toEqual(['a']);
});

it('runs a key again, once, when it was added while running; never twice at once', async () => {
  const { clock, queue, begun, finish } = rig();
  queue.add('a');
  await clock.settle();
  queue.add('a');
  queue.add('a');
  await clock.settle();
  expect(begun).toEqual(['a']);
  await finish('a');
  expect(begun).toEqual(['a', 'a']);
  await finish('a');
  expect(begun).toEqual(['a', 'a']);
  expect(queue.size()).toBe(0);
});

it('runs as many keys at once as there are workers, and no key waits for another one in trouble', async () => {
  const { clock, queue, begun, finish } = rig();
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await clock.settle();
  expect(begun).toEqual(['a', 'b']);
  await finish('b', new Error('no'));
  expect(begun).toEqual(['a', 'b', 'c']);
});

it('backs off per key, doubling to the maximum, and forgets after a success', async () => {
  const { clock, queue, begun, finish } = rig({ backoff: { baseMs: 100, maxMs: 400 } });
  queue.add('a');
  await clock.settle();
  for (const wait of [100, 200, 400, 400]) {
    const before = begun.length;
    await finish('a', new Error('no'));
    await clock.advance(wait - 1);
    expect(begun).toHaveLength(before);
    await clock.advance(1);
    expect(begun).toHaveLength(before + 1);
  }
  await finish('a');
  queue.add('a');
  await clock.settle();
  await finish('a', new Error('no'));
  await clock.advance(100);
  expect(begun).toHaveLength(7);
});

it('waits as long as the Retry-After of a KubeError', async () => {
  const { clock, queue, begun, finish } = rig();
  queue.add('a');
  await clock.settle();
  await finish('a', new KubeError(429, 'TooManyRequests', 'busy', { retryAfterMs: 9000 }));
  await clock.advance(8999);
  expect(begun).toHaveLength(1);
  await clock.advance(1);
  expect(begun).toHaveLength(2);
});

it('requeues when the reconciler asks for it', async () => {
  const { clock, queue, begun, finish } = rig();
  queue.add('a');
  await clock.settle();
  await finish('a', { requeueAfterMs: 5000 });
  await clock.advance(5000);
  expect(begun).toEqual(['a', 'a']);
});

it('of several delays for one key the soonest counts', async () => {
  const { clock, queue, begun, finish } = rig();
  queue.addAfter('a', 5000);
  queue.addAfter('a', 1000);
  queue.addAfter('a', 9000);
  await clock.advance(1000);
  expect(begun).toEqual(['a']);
  await finish('a');
  await clock.advance(60_000);
  expect(begun).toEqual(['a']);
});

it('treats a synchronous throw like any failure', async () => {
  let calls = 0;
  const { clock, queue } = rig({
    reconcile: () => {
      calls += 1;
      throw new Error('bug');
    },
  });
  queue.add('a');
  await clock.advance(200);
  expect(calls).toBe(2);
});

it('finishes waiting and running keys on stop, drops delayed ones, takes no more', async () => {
  const { clock, queue, begun, finish } = rig({ workers: 1 });
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 1000);
  await clock.settle();
  let stopped = false;
  const stop = queue.stop().then(() => (stopped = true));
  queue.add('d');
  await finish('a', new Error('no'));
  expect(stopped).toBe(false);
  await finish('b');
  await stop;
  await clock.advance(600_000);
  expect(begun).toEqual(['a', 'b']);
  expect(clock.pending()).toBe(0);
});

it('an idle queue stops at once', async () => {
  await rig().queue.stop();
});
