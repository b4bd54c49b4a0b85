import { askOf, type StorageAsk } from '../../../../scheduler-plugin/storage/ask.ts';
import type { Locator } from '../../../../scheduler-plugin/storage/storage.ts';
import { storageRig, type StorageRig } from '../../../build/storage.ts';

const NODES = ['a', 'b', 'c'];

function rig(copies: Readonly<Record<string, readonly string[]>> = {}, isFresh = true): StorageRig {
  const locator: Locator = { nodes: (handle) => copies[handle], isFresh: () => isFresh, version: () => 0 };
  const made = storageRig(new Map([['driver.longhorn.io', locator]]));
  for (const name of NODES) made.node(name);
  return made;
}
/** A bound disk; of the driver whose copies are told unless the source says otherwise. */
function disk(to: StorageRig, name: string, gib: number, source: object = { csi: { driver: 'driver.longhorn.io', volumeHandle: name } }): void {
  to.volume(name, { capacity: { storage: `${gib}Gi` }, age: 3_600_000, ...source });
  to.claim(name, { volume: name, gib });
} // prettier-ignore
const ask = (of: StorageRig, ...names: readonly string[]): StorageAsk =>
  askOf({ uid: 'vm', volumeClaims: names.map((name) => `default/${name}`) }, of.books)!;
const onNode = (...values: readonly string[]): object => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values }] }] } },
}); // prettier-ignore

const attached = (to: StorageRig, volume: string, node: string): void =>
  to.attachments.set(`va-${volume}`, { volume, node, driver: 'csi.example.com', attached: true });

describe('shares of the nodes', () => {
  it.each<[string, (to: StorageRig) => readonly string[], readonly number[] | undefined]>([
    ['of one disk', (to) => (disk(to, 'root', 10), ['root']), [1, 0, 1]],
    ['of two, by size', (to) => (disk(to, 'root', 10), disk(to, 'data', 30), ['root', 'data']), [0.25, 0.75, 0.25]],
    ['of a local volume', (to) => (disk(to, 'x', 1, { local: {}, ...onNode('b') }), ['x']), [0, 1, 0]],
    ['of any topology', (to) => (disk(to, 'x', 1, { csi: { driver: 'ebs.csi.aws.com', volumeHandle: 'vol-1' }, ...onNode('a', 'b') }), ['x']), [1, 1, 0]],
    ['of Ceph alone: nobody', (to) => (disk(to, 'x', 1, { csi: { driver: 'rook-ceph.rbd.csi.ceph.com', volumeHandle: 'h' } }), ['x']), undefined],
    ['of Ceph beside another: the other alone', (to) => (disk(to, 'root', 1), disk(to, 'x', 99, { csi: { driver: 'rbd.csi.ceph.com', volumeHandle: 'h' } }), ['root', 'x']), [1, 0, 1]],
    ['of NFS: nobody', (to) => (disk(to, 'x', 1, { nfs: { server: 's' } }), ['x']), undefined],
    ['of a volume its driver does not know: by its topology', (to) => (disk(to, 'odd', 1, { csi: { driver: 'driver.longhorn.io', volumeHandle: 'odd' }, ...onNode('c') }), ['odd']), [0, 0, 1]],
    ['of a volume nobody knows: nobody', (to) => (disk(to, 'odd', 1), ['odd']), undefined],
    ['of a volume without a usable copy, as one in shards', (to) => (disk(to, 'shards', 1), disk(to, 'root', 1), ['shards', 'root']), [0.5, 0, 0.5]],
    ['attached: a little, and to Ceph too', (to) => (disk(to, 'x', 1, { csi: { driver: 'rbd.csi.ceph.com', volumeHandle: 'h' } }), attached(to, 'x', 'b'), ['x']), [0, 0.1, 0]],
    ['attached where a copy is: no more than the copy', (to) => (disk(to, 'root', 1), attached(to, 'root', 'a'), ['root']), [1, 0, 1]],
    ['of a new disk: by the room that would be left', (to) => (to.capacity('fast', 'a', 13), to.capacity('fast', 'b', 8), to.claim('new'), ['new']), [1, 0.5, 0]],
    ['of a new disk of a class that tells no room: nobody', (to) => (to.claim('new'), ['new']), undefined],
  ])('%s', (_title, make, expected) => {
    const to = rig({ root: ['a', 'c'], data: ['b'], shards: [] });
    expect(ask(to, ...make(to)).shares(NODES)).toEqual(expected);
  }); // prettier-ignore

  it('of a driver whose source is silent go by the topology', () => {
    const to = rig({ root: ['a'] }, false);
    disk(to, 'root', 1, { csi: { driver: 'driver.longhorn.io', volumeHandle: 'root' }, ...onNode('b') });
    expect(ask(to, 'root').shares(NODES)).toEqual([0, 1, 0]);
  });

  it('a VM without claims asks nothing', () => {
    expect(askOf({ uid: 'vm', volumeClaims: [] }, rig().books)).toBeUndefined();
  });
});

describe('what a guest that requires its disks is told', () => {
  const to = rig({ root: ['a', 'c'], data: ['b'], shards: [] });
  disk(to, 'root', 10);
  disk(to, 'data', 30);
  disk(to, 'shards', 2);
  disk(to, 'ceph', 5, { csi: { driver: 'rbd.csi.ceph.com', volumeHandle: 'h' } });

  it.each<[readonly string[], string, string]>([
    [['root'], 'a', ''],
    [['root'], 'b', "it has no copy of guest's disk, and the guest requires its disks there"],
    [['root', 'data'], 'a', "it has no copy of 1 of guest's 2 disks (30 GiB of 40 GiB), and the guest requires its disks there"],
    [['shards'], 'a', "it has no copy of guest's disk, and the guest requires its disks there"],
    [['ceph'], 'a', ''],
    [['ceph', 'root'], 'b', "it has no copy of guest's disk, and the guest requires its disks there"],
  ])('%j on %s: %s', (names, node, reason) => expect(ask(to, ...names).dataReason(node)).toBe(reason)); // prettier-ignore
});
