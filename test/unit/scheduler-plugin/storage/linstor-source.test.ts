import { silentLog } from '../../../../runtime/log.ts';
import { isFresh } from '../../../../scheduler-plugin/sources/source.ts';
import { createCopies } from '../../../../scheduler-plugin/storage/copies.ts';
import { createLinstorSource, type FetchJson } from '../../../../scheduler-plugin/storage/linstor-source.ts';
import type { GroupRoom } from '../../../../scheduler-plugin/storage/pools.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';

const resource = (name: string, node: string): object => ({
  name, node_name: node, flags: [], volumes: [{ volume_number: 0, state: { disk_state: 'UpToDate' } }],
}); // prettier-ignore

const pool = (name: string, node: string, free: number): object => ({
  storage_pool_name: name, node_name: node, provider_kind: 'LVM', free_capacity: free, total_capacity: 100,
}); // prettier-ignore

/** A controller that answers what it is told to, poll by poll; the last answer stands. Its pools are told apart. */
function rig(...answers: readonly (() => unknown)[]) {
  const clock = createFakeClock();
  const copies = createCopies();
  const asked: string[] = [];
  const pools: { answer: unknown; readonly told: Map<string, readonly GroupRoom[]> } = { answer: [], told: new Map() };
  const fetch: FetchJson = (url, signal) => {
    if (url.includes('storage-pools')) {
      asked.push(url);
      return pools.answer instanceof Error ? Promise.reject(pools.answer) : Promise.resolve(pools.answer);
    }
    const answer =
      answers[Math.min(asked.push(url) - asked.filter((one) => one.includes('storage-pools')).length, answers.length) - 1];
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('given up')));
      const value = answer?.();
      if (value instanceof Error) reject(value);
      else if (value !== 'never') resolve(value);
    });
  };
  const tellRooms = (node: string, rooms: readonly GroupRoom[]): void => void pools.told.set(node, rooms);
  const source = createLinstorSource({
    url: 'http://linstor:3370/',
    everyMs: 10_000,
    fetch,
    copies,
    tellRooms,
    clock,
    log: silentLog,
  });
  return { clock, copies, asked, pools, source };
}
const rigs: ReturnType<typeof rig>[] = [];
const started = async (...answers: readonly (() => unknown)[]) => {
  const made = rig(...answers);
  rigs.push(made);
  made.source.start();
  await made.clock.settle();
  return made;
};
afterEach(() => Promise.all(rigs.splice(0).map(({ source }) => source.stop())));

it('asks for the view of resources, and forgets what is no longer in it', async () => {
  const { copies, asked, clock } = await started(
    () => [resource('pvc-1', 'a'), resource('pvc-1', 'b'), resource('pvc-2', 'a')],
    () => [resource('pvc-1', 'b')],
  );
  expect([asked, copies.nodes('pvc-1/0'), copies.nodes('pvc-2/0')]).toEqual([['http://linstor:3370/v1/view/resources', 'http://linstor:3370/v1/view/storage-pools?cached=true'], ['a', 'b'], ['a']]);
  await clock.advance(10_000);
  expect([copies.nodes('pvc-1/0'), copies.nodes('pvc-2/0')]).toEqual([['b'], undefined]);
}); // prettier-ignore

it.each<[string, () => unknown]>([
  ['an error', () => new Error('connection refused')],
  ['something else', () => ({ message: 'not here' })],
  ['nothing, ever', () => 'never'],
])('a controller that answers %s leaves what was known, until it is too old', async (_title, answer) => {
  const { copies, clock, source } = await started(() => [resource('pvc-1', 'a')], answer);
  await clock.advance(60_000);
  expect([copies.nodes('pvc-1/0'), isFresh(source, clock.now())]).toEqual([['a'], true]);
  await clock.advance(300_000);
  expect(isFresh(source, clock.now())).toBe(false);
});

it('a question that takes long is given up and asked again', async () => {
  const { asked, clock } = await started(() => 'never');
  await clock.advance(10_000);
  await clock.advance(10_000);
  expect(asked.filter((url) => url.endsWith('resources'))).toHaveLength(2);
});

describe('storage pools', () => {
  const room = (gib: number): GroupRoom => ({ group: 'linstor.csi.linbit.com/nvme', bytes: gib * 1024 });

  it('are told by node, and taken back when they are gone', async () => {
    const { clock, pools } = await started(() => []);
    pools.answer = [pool('nvme', 'a', 5), pool('hdd', 'a', 7), pool('nvme', 'b', 1)];
    await clock.advance(10_000);
    expect([...pools.told]).toEqual([
      ['a', [room(5), { group: 'linstor.csi.linbit.com/hdd', bytes: 7 * 1024 }]],
      ['b', [room(1)]],
    ]);
    pools.answer = [pool('nvme', 'a', 4)];
    await clock.advance(10_000);
    expect([...pools.told]).toEqual([
      ['a', [room(4)]],
      ['b', []],
    ]);
  });

  it.each<[string, unknown]>([
    ['an error', new Error('HTTP status 500')],
    ['something else', { message: 'not here' }],
  ])('are known on while the controller answers %s, and taken back when they are too old', async (_title, answer) => {
    const { clock, pools, source } = await started(() => []);
    pools.answer = [pool('nvme', 'a', 5)];
    await clock.advance(10_000);
    pools.answer = answer;
    await clock.advance(290_000);
    expect([pools.told.get('a'), isFresh(source, clock.now())]).toEqual([[room(5)], true]);
    await clock.advance(30_000);
    expect([pools.told.get('a'), isFresh(source, clock.now())]).toEqual([[], false]);
    pools.answer = [pool('nvme', 'a', 5)];
    await clock.advance(10_000);
    expect(pools.told.get('a')).toEqual([room(5)]);
  });
});

it('is no reason to wait: it is not whole before it was heard, and says so', async () => {
  const { source } = await started(() => new Error('connection refused'));
  expect([source.present(), source.synced(), source.heardAt()]).toEqual([true, false, undefined]);
});
