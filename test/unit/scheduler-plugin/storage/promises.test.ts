import { ask, pool, reason, storageRig, type StorageRig } from '../../../build/storage.ts';

describe('VMs that passed a filter', () => {
  const promise = (rig: StorageRig, uid: string, names: readonly string[], nodes: readonly string[]): void =>
    rig.books.pools.promise(uid, { claims: ask(rig, uid, ...names).wants, nodes, at: Date.UTC(2026, 10, 21, 20) });

  it('hold their room on each node they may go to, for others but not for themselves', () => {
    const rig = pool();
    promise(rig, 'vm-1', ['one', 'two'], ['a', 'b']);
    expect(reason(rig, 'vm-1', 'one', 'two', 'three')).toBe('');
    const other = ask(rig, 'vm-2', 'three', 'four');
    expect(other.poolReason('a')).toMatch(/has 4 GiB free \(6 GiB of 10 GiB promised to others\)/);
    expect(other.passing()).toMatch(/kept for claims under way/);
  });

  it('a VM that does not fit beside what is promised for good is not kept waiting', () => {
    const rig = pool();
    rig.claim('one', { on: 'a' });
    promise(rig, 'vm-1', ['two'], ['a']);
    const other = ask(rig, 'vm-2', 'three', 'four', 'five');
    expect([other.poolReason('a') === '', other.passing()]).toEqual([false, '']);
  });

  it('hold it on the node of their first claim alone once that is known', () => {
    const rig = pool();
    promise(rig, 'vm-1', ['one', 'two'], ['a', 'b']);
    rig.claim('one', { on: 'b' });
    expect(reason(rig, 'vm-2', 'three', 'four', 'five')).toBe('');
    rig.claim('two', { on: 'b' });
    expect(rig.books.pools.others('', 0)).toBe(0);
  });

  it('hold it once in a pool that several of their nodes share', () => {
    const rig = pool();
    rig.node('a2', { 'topology.example.com/node': 'a' });
    promise(rig, 'vm-1', ['one', 'two'], ['a', 'a2']);
    expect(reason(rig, 'vm-2', 'three')).toBe('');
  });

  it('that are never seen placed give it back after a while', () => {
    const rig = pool();
    promise(rig, 'vm-1', ['one', 'two'], ['a']);
    rig.books.pools.expire(Date.UTC(2026, 10, 21, 20) + 15_000);
    expect(reason(rig, 'vm-2', 'three', 'four', 'five')).toBe('');
  });

  it('hold it in a pool that is told of after they passed, and on a node that gets its label then', () => {
    const rig = storageRig();
    for (const name of ['one', 'two', 'three']) rig.claim(name);
    promise(rig, 'vm-1', ['one', 'two'], ['a']);
    rig.capacity('fast', 'a', 8);
    rig.node('a');
    expect(ask(rig, 'vm-2', 'three').poolReason('a')).toMatch(/has 2 GiB free \(6 GiB of 8 GiB promised to others\)/);
    rig.books.setCapacity('fast/a', undefined);
    rig.capacity('fast', 'a', 9);
    expect(reason(rig, 'vm-2', 'three')).toBe('');
  });

  it('that are refused everywhere now hold nothing', () => {
    const rig = pool();
    promise(rig, 'vm-1', ['one', 'two'], ['a']);
    promise(rig, 'vm-1', ['one', 'two'], []);
    expect(reason(rig, 'vm-2', 'three', 'four', 'five')).toBe('');
  });
});
