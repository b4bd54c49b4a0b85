import { createCopies } from '../../../../scheduler-plugin/storage/copies.ts';
import { createStorageDesk } from '../../../../scheduler-plugin/storage/desk.ts';
import { PROMISE_MS } from '../../../../scheduler-plugin/storage/promises.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';
import { wanted } from '../../../build/placement.ts';
import { START, storageRig } from '../../../build/storage.ts';

/** A pool of 4 GiB at the only node, and two VMs that each want 3 GiB of it. */
function rig() {
  const clock = createFakeClock(START);
  const storage = storageRig();
  storage.node('a');
  storage.capacity('fast', 'a', 4);
  for (const name of ['one', 'two']) storage.claim(name);
  const desk = createStorageDesk(storage.books, clock);
  const vm = (name: string) => wanted({ uid: `uid-${name}`, volumeClaims: [`default/${name}`] });
  return { clock, storage, desk, one: vm('one'), two: vm('two') };
}

it('answers from one look while nothing changes, and looks again when something has', () => {
  const { desk, storage, one } = rig();
  const ask = desk.ask(one);
  expect(desk.ask(one)).toBe(ask);
  storage.capacity('fast', 'a', 2);
  expect(desk.ask(one)?.poolReason('a')).toMatch(/has 2 GiB free, guest's new disk needs 3 GiB/);
});

it('does not look again when time passes, but what is promised ends with its time', async () => {
  const { clock, desk, one, two } = rig();
  desk.promise(one, ['a']);
  const ask = desk.ask(two);
  expect(ask?.poolReason('a')).toMatch(/3 GiB of 4 GiB promised to others/);
  await clock.advance(PROMISE_MS);
  expect([desk.ask(two) === ask, desk.ask(two)?.poolReason('a')]).toEqual([true, '']);
});

it('looks again when a copy of a disk has changed', () => {
  const copies = createCopies();
  const locator = { nodes: (handle: string) => copies.nodes(handle), isFresh: () => true, version: () => copies.version() };
  const storage = storageRig(new Map([['csi.example.com', locator]]));
  for (const name of ['a', 'b']) storage.node(name);
  storage.volume('pvc-1', { csi: { driver: 'csi.example.com', volumeHandle: 'pvc-1' } });
  storage.claim('one', { volume: 'pvc-1' });
  const desk = createStorageDesk(storage.books, createFakeClock(START));
  const one = wanted({ volumeClaims: ['default/one'] });
  copies.set('replica', { volume: 'pvc-1', node: 'a' });
  expect(['a', 'b'].map((node) => desk.ask(one)?.dataReason(node) === '')).toEqual([true, false]);
  copies.set('replica', { volume: 'pvc-1', node: 'b' });
  expect(['a', 'b'].map((node) => desk.ask(one)?.dataReason(node) === '')).toEqual([false, true]);
});

it('does not look again for what was promised, which each question reads by itself', () => {
  const { desk, storage, one, two } = rig();
  const [ask, free] = [desk.ask(one), desk.ask(one)?.poolReason('a')];
  desk.promise(one, ['a']);
  expect([desk.ask(one) === ask, free, ask?.poolReason('a')]).toEqual([true, '', '']);
  storage.books.pools.promise(two.uid, { claims: new Map([['default/two', { group: 'class/fast', bytes: 2 ** 30 * 3 }]]), nodes: ['a'], at: START });
  expect([desk.ask(one) === ask, ask?.poolReason('a')]).toEqual([true, expect.stringContaining('3 GiB of 4 GiB promised to others')]);
}); // prettier-ignore

it('a VM that was refused for another that passed a moment ago waits for it to show its node, and no longer', async () => {
  const { clock, desk, storage, one, two } = rig();
  desk.promise(one, ['a']);
  expect([desk.ask(two)?.poolReason('a') === '', desk.waits(two) === '']).toEqual([false, false]);
  let settled = false;
  const waiting = desk.settle(two).then(() => (settled = true));
  await clock.advance(100);
  expect(settled).toBe(false);
  storage.claim('one', { on: 'a' });
  await clock.advance(10);
  expect(settled).toBe(true);
  await waiting;
  // Now it is known: refused for good, until something happens.
  expect([desk.ask(two)?.poolReason('a') === '', desk.waits(two)]).toEqual([false, '']);
});

it('does not wait long for one that shows nothing, nor for one of long ago', async () => {
  const { clock, desk, one, two } = rig();
  desk.promise(one, ['a']);
  const first = desk.settle(two);
  await clock.advance(300);
  await first;
  const pending = clock.pending();
  await desk.settle(two);
  expect(clock.pending()).toBe(pending);
});

it('waits for a claim that the scheduler knows and we do not', async () => {
  const { clock, desk, storage } = rig();
  const late = wanted({ uid: 'uid-late', volumeClaims: ['default/late'] });
  expect(desk.ask(late)?.poolReason('a')).toMatch(/claim late is not yet known/);
  expect(desk.waits(late)).toMatch(/claim late is not yet known/);
  const waiting = desk.settle(late);
  storage.claim('late');
  await clock.advance(10);
  await waiting;
  expect(desk.ask(late)?.poolReason('a')).toBe('');
});

it('does not wait for a claim that is plugged in and nobody knows', async () => {
  const { clock, desk } = rig();
  const vm = wanted({ uid: 'uid-vm', volumeClaims: ['default/gone'], hotplugged: ['default/gone'] });
  expect(desk.waits(vm)).toBe('');
  const pending = clock.pending();
  await desk.settle(vm);
  expect(clock.pending()).toBe(pending);
});

it('a VM without disks costs nothing and keeps nothing', () => {
  const { desk, storage } = rig();
  const plain = wanted();
  desk.promise(plain, ['a']);
  expect([desk.ask(plain), desk.waits(plain), storage.books.pools.others('', 0)]).toEqual([undefined, '', 0]);
});
