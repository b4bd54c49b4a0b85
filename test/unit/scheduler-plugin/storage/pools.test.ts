import fc from 'fast-check';
import { ask, GIB, pool, reason, storageRig, type StorageRig } from '../../../build/storage.ts';

describe('joint room of a pool', () => {
  it.each<[string, (rig: StorageRig) => void, readonly string[], string]>([
    ['what fits, fits', () => undefined, ['one', 'two', 'three'], ''],
    ['each alone would fit, together they do not', () => undefined, ['one', 'two', 'three', 'four'], "pool of storage class fast has 10 GiB free, guest's 4 new disks need 12 GiB"],
    ['a claim under way counts', (rig) => rig.claim('one', { on: 'a' }), ['two', 'three', 'four'], "pool of storage class fast has 7 GiB free (3 GiB of 10 GiB promised to others), guest's 3 new disks need 9 GiB"],
    ['a claim under way elsewhere does not', (rig) => rig.claim('one', { on: 'b' }), ['two', 'three', 'four'], ''],
    ['a claim whose node was taken back does not', (rig) => { rig.claim('one', { on: 'a' }); rig.claim('one'); }, ['two', 'three', 'four'], ''],
    ['a claim that is gone does not', (rig) => { rig.claim('one', { on: 'a' }); rig.claim('one', null); }, ['two', 'three', 'four'], ''],
    ['a class that does not wait takes none', (rig) => { rig.storageClass('fast', { volumeBindingMode: 'Immediate' }); }, ['one', 'two', 'three', 'four'], ''],
    ['a pool that tells nothing says nothing', (rig) => rig.books.setCapacity('fast/a', undefined), ['one', 'two', 'three', 'four'], ''],
    ['a pool of another class says nothing', (rig) => { rig.storageClass('slow'); rig.claim('one', { storageClass: 'slow', gib: 30 }); }, ['one'], ''],
    ['a claim with a node is not asked for again', (rig) => rig.claim('one', { on: 'a', gib: 30 }), ['one'], ''],
    ['of a claim we do not know we cannot say yes', () => undefined, ['six'], 'claim six is not yet known to the Podvisor scheduler extender (it asks again by itself)'],
  ])('%s', (_title, change, names, expected) => {
    const rig = pool();
    change(rig);
    expect(reason(rig, 'vm', ...names)).toBe(expected);
  }); // prettier-ignore

  it('is asked at the node alone whose labels it names', () => {
    expect(ask(pool(), 'vm', 'one', 'two', 'three', 'four').poolReason('b')).toBe('');
  });
});

describe('volumes that were made', () => {
  /** How much a VM could have. */
  const free = (rig: StorageRig): number => {
    const { told, promised } = rig.books.pools.room('class/fast', 'a', 'vm')!;
    return (told - promised) / 2 ** 30;
  };
  const bind = (rig: StorageRig, name: string): void => {
    rig.volume(`pv-${name}`, { claim: name });
    rig.claim(name, { on: 'a', volume: `pv-${name}` });
  };
  const place = (rig: StorageRig, ...names: readonly string[]): void => names.forEach((name) => rig.claim(name, { on: 'a' }));

  it('count until the pool tells less, and then no more', () => {
    const rig = pool();
    place(rig, 'one');
    bind(rig, 'one');
    expect(free(rig)).toBe(7);
    rig.capacity('fast', 'a', 7);
    expect(free(rig)).toBe(7);
  });

  it('a late word about the first of three leaves the others counted', () => {
    const rig = pool();
    place(rig, 'one', 'two', 'three');
    for (const name of ['one', 'two', 'three']) bind(rig, name);
    rig.capacity('fast', 'a', 7);
    expect(free(rig)).toBe(1);
    rig.capacity('fast', 'a', 1);
    expect(free(rig)).toBe(1);
  });

  it('a pool that sinks before the claim is seen bound counts twice only until then', () => {
    const rig = pool();
    place(rig, 'one');
    rig.capacity('fast', 'a', 7);
    expect(free(rig)).toBe(4);
    bind(rig, 'one');
    expect(free(rig)).toBe(7);
  });

  it('what counts twice for a moment keeps nobody waiting for long', () => {
    const rig = pool();
    place(rig, 'one');
    rig.capacity('fast', 'a', 7);
    const two = ask(rig, 'vm', 'two', 'three');
    expect([two.poolReason('a') === '', two.passing() === '']).toEqual([false, false]);
    const three = ask(rig, 'vm', 'two', 'three', 'four');
    expect([three.poolReason('a') === '', three.passing() === '']).toEqual([false, true]);
  });

  it.each<[string, { told: number; promised?: readonly string[]; asks: readonly string[] }, string]>([
    ['what sank for a claim is not shown as promised too', { told: 1, asks: ['two'] }, "1 GiB free, guest's new disk needs 3 GiB"],
    ['beside others it is left out of their sum', { told: 7, promised: ['five'], asks: ['two', 'three'] }, "4 GiB free (3 GiB of 7 GiB promised to others), guest's 2 new disks need 6 GiB"],
    ['nothing is shown as free that would be enough', { told: 7, asks: ['two', 'three'] }, "4 GiB free (3 GiB of 7 GiB promised to others), guest's 2 new disks need 6 GiB"],
    ['never is more promised than there is', { told: 2, asks: ['small'] }, "0 MiB free (2 GiB of 2 GiB promised to others), guest's new disk needs 1 GiB"],
  ])('a pool that sank before the claim is seen bound: %s', (_title, { told, promised = [], asks }, expected) => {
    const rig = pool();
    rig.claim('small', { gib: 1 });
    place(rig, 'one', ...promised);
    rig.capacity('fast', 'a', told);
    expect(reason(rig, 'vm', ...asks)).toBe(`pool of storage class fast has ${expected}`);
  }); // prettier-ignore

  it('a pool that was promised to more than it has says no more than that', () => {
    const rig = pool();
    rig.claim('one', { on: 'a', gib: 30 });
    expect(reason(rig, 'vm', 'two')).toMatch(/has 0 MiB free \(10 GiB of 10 GiB promised to others\)/);
  });

  it('a pool that never tells less is believed after a while', () => {
    const rig = pool();
    place(rig, 'one');
    bind(rig, 'one');
    rig.wait(70_000);
    rig.books.pools.expire(Date.UTC(2026, 10, 21, 20) + 70_000);
    expect(free(rig)).toBe(10);
  });

  it('made shortly before we started count, made before that do not', () => {
    const rig = pool();
    rig.volume('pv-new', { claim: 'new', age: 10_000 });
    rig.claim('new', { on: 'a', volume: 'pv-new' });
    rig.volume('pv-old', { claim: 'old', age: 80_000 });
    rig.claim('old', { on: 'a', volume: 'pv-old' });
    expect(free(rig)).toBe(7);
  });

  it('a file system made shortly before we started counts too, whichever watch is first', () => {
    const rig = pool();
    rig.claim('new', { on: 'a', volume: 'pv-new', mode: 'Filesystem' });
    rig.volume('pv-new', { claim: 'new', age: 10_000, volumeMode: 'Filesystem' });
    expect(free(rig)).toBe(7);
  });

  it('and all that is known at the start count the same, whichever watch is first', () => {
    const tell: readonly ((rig: StorageRig) => void)[] = [
      (rig) => rig.node('a'),
      (rig) => rig.storageClass('slow'),
      (rig) => rig.capacity('slow', 'a', 10),
      (rig) => rig.claim('open', { storageClass: 'slow', on: 'a', gib: 1 }),
      (rig) => rig.claim('new', { storageClass: 'slow', on: 'a', volume: 'pv-new' }),
      (rig) => rig.volume('pv-new', { claim: 'new', age: 10_000, storageClassName: 'slow' }),
      (rig) => rig.claim('old', { storageClass: 'slow', on: 'a', volume: 'pv-old' }),
      (rig) => rig.volume('pv-old', { claim: 'old', age: 80_000, storageClassName: 'slow' }),
    ];
    const anyOrder = fc.shuffledSubarray([...tell], { minLength: tell.length });
    fc.assert(
      fc.property(anyOrder, (ordered) => {
        const rig = storageRig();
        for (const one of ordered) one(rig);
        expect(rig.books.pools.room('class/slow', 'a', 'vm')).toEqual({
          told: 10 * GIB,
          promised: 4 * GIB,
          tentative: 0,
          twice: 0,
        });
      }),
    );
  });

  it('a claim that was given a volume of long ago takes nothing', () => {
    const rig = pool();
    place(rig, 'one');
    rig.volume('pv-old', { claim: 'one', age: 3_600_000 });
    rig.claim('one', { on: 'a', volume: 'pv-old' });
    expect(free(rig)).toBe(10);
  });

  it('claims find their pool when it is told of after them, or their node gets its label', () => {
    const rig = storageRig();
    rig.claim('one', { on: 'a' });
    rig.capacity('fast', 'a', 10);
    rig.node('a');
    expect(free(rig)).toBe(7);
  });
});

describe("what a driver's own objects tell of a node", () => {
  const parameters = { storagePool: 'nvme', allowRemoteVolumeAccess: 'false' };
  const linstor = (gib: number): StorageRig => {
    const rig = storageRig();
    rig.node('a');
    for (const name of ['fast', 'safe']) {
      rig.storageClass(name, { provisioner: 'linstor.csi.linbit.com', parameters });
      rig.capacity(name, 'a', 20);
    }
    rig.claim('one', { storageClass: 'fast' });
    rig.claim('two', { storageClass: 'safe' });
    rig.books.setNodeRooms('linstor', 'a', [{ group: 'linstor.csi.linbit.com/nvme', bytes: gib * GIB }]);
    return rig;
  };

  it.each([
    [6, ''],
    [5, "pool of storage classes fast and safe has 5 GiB free, guest's 2 new disks need 6 GiB"],
  ])('%i GiB of a LINSTOR pool count before CSIStorageCapacity, for all its classes together', (gib, expected) => {
    expect(reason(linstor(gib), 'vm', 'one', 'two')).toBe(expected);
  });

  it('is CSIStorageCapacity again once they tell nothing', () => {
    const rig = linstor(5);
    rig.books.setNodeRooms('linstor', 'a', []);
    expect(reason(rig, 'vm', 'one', 'two')).toBe('');
  });
});

describe('rooms that the agents of a node tell', () => {
  const room = (rig: StorageRig, group: string): number | undefined => rig.books.pools.room(group, 'a', 'vm')?.told;
  /** The rooms of both drivers, as told last. */
  function told(rig: StorageRig): readonly (number | undefined)[] {
    return ['topolvm.io/ssd', 'topolvm.io/', 'local.csi.openebs.io/vg'].map((group) => room(rig, group));
  }
  const TOPOLVM = [{ group: 'topolvm.io/ssd', bytes: 1 }, { group: 'topolvm.io/', bytes: 2 }]; // prettier-ignore
  const OPENEBS = [{ group: 'local.csi.openebs.io/vg', bytes: 3 }];

  it.each<[string, (rig: StorageRig) => void, readonly (number | undefined)[]]>([
    ['each group has its own', () => undefined, [1, 2, 3]],
    ['the last word counts', ({ books }) => books.setNodeRooms('topolvm', 'a', [TOPOLVM[0]!, { ...TOPOLVM[1]!, bytes: 5 }]), [1, 5, 3]],
    ['a group that is not told of any more tells nothing', ({ books }) => books.setNodeRooms('topolvm', 'a', TOPOLVM.slice(0, 1)), [1, undefined, 3]],
    ['an object that is gone takes its own driver along alone', ({ books }) => books.setNodeRooms('openebs', 'a', []), [1, 2, undefined]],
    ['a node that is gone takes what was written on it', ({ books }) => { books.setNode('a', undefined); books.setNode('a', { labels: ['kubernetes.io/hostname=a'], topolvm: [] }); }, [undefined, undefined, 3]],
    ['another node is another', ({ books }) => books.setNodeRooms('openebs', 'b', []), [1, 2, 3]],
  ])('%s', (_title, change, expected) => {
    const rig = storageRig();
    rig.books.setNode('a', { labels: [], topolvm: TOPOLVM });
    rig.books.setNodeRooms('openebs', 'a', OPENEBS);
    change(rig);
    expect(told(rig)).toEqual(expected);
  }); // prettier-ignore
});

describe('classes that share a pool', () => {
  it.each<[string, { provisioner: string; parameters: Record<string, string> }]>([
    ['of one TopoLVM device class', { provisioner: 'topolvm.io', parameters: { 'topolvm.io/device-class': 'ssd' } }],
    ['of one OpenEBS volume group', { provisioner: 'local.csi.openebs.io', parameters: { volgroup: 'ssd' } }],
  ])('%s', (_title, fields) => {
    const rig = pool();
    for (const name of ['fast', 'other']) rig.storageClass(name, fields);
    rig.capacity('fast', 'a', 10);
    rig.capacity('other', 'a', 10);
    rig.claim('one', { on: 'a', storageClass: 'other' });
    expect(reason(rig, 'vm', 'two', 'three', 'four')).toMatch(/fast has 7 GiB free/);
    rig.claim('four', { storageClass: 'other' });
    expect(reason(rig, 'vm', 'two', 'three', 'four')).toMatch(/pool of storage classes fast and other has 7 GiB free/);
  });
});
