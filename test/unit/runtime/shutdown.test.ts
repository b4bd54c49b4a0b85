import { silentLog } from '../../../runtime/log.ts';
import { createShutdown, type Shutdown } from '../../../runtime/shutdown.ts';
import { createFakeClock, type FakeClock } from '../../build/fake-clock.ts';

const setUp = (): { clock: FakeClock; shutdown: Shutdown; order: string[] } => {
  const clock = createFakeClock();
  const shutdown = createShutdown({ clock, log: silentLog, drainMs: 3000, deadlineMs: 10_000 });
  const order: string[] = [];
  shutdown.onClose('server', () => void order.push('server'));
  shutdown.onClose('queue', () => void order.push('queue'));
  return { clock, shutdown, order };
};

it('is not ready at once, drains, then closes in reverse order', async () => {
  const { clock, shutdown, order } = setUp();
  expect(shutdown.reason()).toBe('');
  shutdown.begin('SIGTERM');
  shutdown.begin('again', 3);
  expect(shutdown.reason()).toBe('shutting down: SIGTERM');
  expect(shutdown.signal.aborted).toBe(true);
  await clock.advance(2999);
  expect(order).toEqual([]);
  await clock.advance(1);
  expect(order).toEqual(['queue', 'server']);
  expect(await shutdown.finished).toBe(0);
  expect(clock.pending()).toBe(0);
});

it('goes on when a closer throws', async () => {
  const { clock, shutdown, order } = setUp();
  shutdown.onClose('bad', () => Promise.reject(new Error('no')));
  shutdown.begin('SIGTERM', 70);
  await clock.advance(3000);
  expect(order).toEqual(['queue', 'server']);
  expect(await shutdown.finished).toBe(70);
});

it('leaves what does not close in time', async () => {
  const { clock, shutdown, order } = setUp();
  shutdown.onClose('stuck', () => new Promise(() => undefined));
  shutdown.begin('SIGTERM');
  await clock.advance(13_000);
  expect(await shutdown.finished).toBe(0);
  expect(order).toEqual([]);
});
