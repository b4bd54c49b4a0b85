import { askOf } from '../../../../scheduler-plugin/storage/ask.ts';
import * as longhorn from '../../../../scheduler-plugin/storage/longhorn-nodes.ts';
import { createLonghornRooms } from '../../../../scheduler-plugin/storage/longhorn-rooms.ts';
import { createRoomGate } from '../../../../scheduler-plugin/storage/room-gate.ts';
import type { GroupRoom } from '../../../../scheduler-plugin/storage/pools.ts';
import { classFacts } from '../../../../scheduler-plugin/storage/volume-facts.ts';
import { GIB, storageRig, type StorageRig } from '../../../build/storage.ts';

const condition = (type: string, status = 'True'): object => ({ type, status, reason: '', message: '' });
const OPEN = { allowScheduling: true, evictionRequested: false };

/** A disk of 100 GiB of which 30 are reserved and 20 scheduled: 50 are left to schedule. */
interface DiskFields {
  readonly spec?: object;
  readonly status?: object;
}
const GOOD: DiskFields = {};

/** A Node of longhorn-system as Longhorn 1.10 writes it. */
function nodeObject(disks: Readonly<Record<string, DiskFields>> = { 'default-disk-1': GOOD }, fields: { spec?: object; conditions?: readonly object[]; deletionTimestamp?: string } = {}): longhorn.LonghornNodeObject {
  const { spec = {}, conditions = [condition('Ready'), condition('Schedulable')], deletionTimestamp } = fields;
  const entries = Object.entries(disks);
  const specs = entries.map(([name, disk]) => [name, { diskType: 'filesystem', path: '/var/lib/longhorn', ...OPEN, storageReserved: 30 * GIB, tags: [], ...disk.spec }]);
  const statuses = entries.map(([name, disk]) => [name, {
    diskUUID: name, diskType: 'filesystem', storageMaximum: 100 * GIB, storageAvailable: 60 * GIB, storageScheduled: 20 * GIB,
    scheduledReplica: { r: 20 * GIB }, conditions: [condition('Ready'), condition('Schedulable')], ...disk.status,
  }]);
  return {
    metadata: { name: 'a', ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
    spec: { name: 'a', disks: Object.fromEntries(specs) as object, ...OPEN, tags: [], ...spec },
    status: { conditions, diskStatus: Object.fromEntries(statuses) as object, zone: '' },
  };
} // prettier-ignore

const WISH: longhorn.LonghornWish = { engine: 'v1', nodeTags: [], diskTags: [] };
const settings = (values: Readonly<Record<string, string>> = {}): longhorn.LonghornSettings =>
  longhorn.longhornSettings(new Map(Object.entries(values)));
const roomOf = (object: longhorn.LonghornNodeObject, wish: Partial<longhorn.LonghornWish> = {}, values = {}): number =>
  longhorn.longhornRoom(longhorn.longhornNode(object), { ...WISH, ...wish }, settings(values)).bytes / GIB;

test.each<[string, longhorn.LonghornNodeObject, number]>([
  ['what is not reserved nor scheduled', nodeObject(), 50],
  ['a node that takes no replicas', nodeObject(undefined, { spec: { allowScheduling: false } }), 0],
  ['a node that is emptied', nodeObject(undefined, { spec: { evictionRequested: true } }), 0],
  ['a node that is not ready', nodeObject(undefined, { conditions: [condition('Ready', 'False'), condition('Schedulable')] }), 0],
  ['a node that is cordoned', nodeObject(undefined, { conditions: [condition('Ready'), condition('Schedulable', 'False')] }), 0],
  ['a node without conditions yet', nodeObject(undefined, { conditions: [] }), 0],
  ['a node that is being deleted', nodeObject(undefined, { deletionTimestamp: '2026-11-22T08:00:00Z' }), 0],
  ['a node without disks', nodeObject({}), 0],
  ['a disk that takes no replicas', nodeObject({ d: { spec: { allowScheduling: false } } }), 0],
  ['a disk that is emptied', nodeObject({ d: { spec: { evictionRequested: true } } }), 0],
  ['a disk that is under pressure', nodeObject({ d: { status: { conditions: [condition('Schedulable', 'False')] } } }), 0],
  ['a disk without conditions', nodeObject({ d: { status: { conditions: null } } }), 0],
  ['a disk as full as it may be', nodeObject({ d: { status: { storageAvailable: 25 * GIB } } }), 0],
  ['a disk a little less full', nodeObject({ d: { status: { storageAvailable: 25 * GIB + 1 } } }), 50],
  ['a disk of which too much is scheduled', nodeObject({ d: { status: { storageScheduled: 90 * GIB } } }), 0],
  ['a disk of no size', nodeObject({ d: { status: { storageMaximum: 0, storageAvailable: 0 } } }), 0],
  ['the larger of two, not their sum', nodeObject({ d: GOOD, e: { status: { storageScheduled: 10 * GIB } } }), 60],
  ['a disk of the other engine', nodeObject({ d: { spec: { diskType: 'block' } } }), 0],
  ['an empty object', { metadata: { name: 'a' } }, 0],
  ['an odd object', { metadata: { name: 'a' }, spec: { disks: [], tags: 'x', ...OPEN }, status: { conditions: [null, condition('Ready'), condition('Schedulable')], diskStatus: { d: null } } }, 0],
])('room of %s', (_title, object, gib) => expect(roomOf(object)).toBe(gib)); // prettier-ignore

test.each<[string, Readonly<Record<string, string>>, number]>([
  ['twice the disk may be scheduled', { 'storage-over-provisioning-percentage': '200' }, 120],
  ['nothing more than is there', { 'storage-over-provisioning-percentage': '0' }, 0],
  ['more has to stay free', { 'storage-minimal-available-percentage': '60' }, 0],
  ['nothing has to stay free', { 'storage-minimal-available-percentage': '0' }, 50],
  ['odd values are the defaults', { 'storage-over-provisioning-percentage': '', 'storage-minimal-available-percentage': '{"v1":"1"}' }, 50],
])('settings: %s', (_title, values, gib) => expect(roomOf(nodeObject(), {}, values)).toBe(gib)); // prettier-ignore

describe('tags', () => {
  const tagged = nodeObject({ d: { spec: { tags: ['fast', 'nvme'] } }, e: { status: { storageScheduled: 60 * GIB } } }, { spec: { tags: ['storage'] } });

  it.each<[string, Partial<longhorn.LonghornWish>, Readonly<Record<string, string>>, number]>([
    ['none asked for', {}, {}, 50],
    ['of the disk', { diskTags: ['fast'] }, {}, 50],
    ['several of the disk', { diskTags: ['fast', 'nvme'] }, {}, 50],
    ['one the disk does not have', { diskTags: ['fast', 'slow'] }, {}, 0],
    ['of the node', { nodeTags: ['storage'] }, {}, 50],
    ['one the node does not have', { nodeTags: ['gpu'] }, {}, 0],
    ['none asked for, and disks with tags are kept for those who ask', {}, { 'allow-empty-disk-selector-volume': 'false' }, 10],
    ['none asked for, and nodes with tags are kept for those who ask', {}, { 'allow-empty-node-selector-volume': 'false' }, 0],
  ])('%s', (_title, wish, values, gib) => expect(roomOf(tagged, wish, values)).toBe(gib));
}); // prettier-ignore

const longhornClass = (parameters: Readonly<Record<string, string>>, volumeBindingMode = 'WaitForFirstConsumer') =>
  classFacts({ metadata: { name: 'c' }, provisioner: 'driver.longhorn.io', volumeBindingMode, parameters });

test.each<[string, ReturnType<typeof longhornClass>, object]>([
  ['whose volumes are on the node of the VM', longhornClass({ dataLocality: 'strict-local', numberOfReplicas: '1' }), { group: 'driver.longhorn.io/v1//', longhorn: WISH }],
  ['with tags, in any order', longhornClass({ dataLocality: 'strict-local', diskSelector: 'nvme,fast', nodeSelector: 'storage', dataEngine: 'v2' }), { group: 'driver.longhorn.io/v2/storage/fast,nvme' }],
  ['whose volumes are made at once', longhornClass({ dataLocality: 'strict-local' }, 'Immediate'), { group: 'class/c' }],
  ['whose replicas may be elsewhere', longhornClass({ dataLocality: 'best-effort' }), { group: 'class/c' }],
  ['that says nothing', longhornClass({}), { group: 'class/c' }],
])('StorageClass of Longhorn %s', (_title, facts, expected) => {
  expect(facts).toMatchObject(expected);
  expect('longhorn' in facts).toBe(facts.group !== 'class/c');
}); // prettier-ignore

describe('rooms', () => {
  const told = new Map<string, readonly GroupRoom[]>();
  const rooms = createLonghornRooms((node, list) => void told.set(node, list));
  const gibs = (node: string): unknown => told.get(node)?.map(({ group, bytes }) => [group, bytes / GIB]);

  it('are told as nodes, settings and classes come and go', () => {
    rooms.setNode('a', longhorn.longhornNode(nodeObject()));
    rooms.setClass('other', undefined);
    expect(told.size).toBe(0);
    rooms.setClass('one', WISH);
    rooms.setClass('same', { ...WISH });
    expect(gibs('a')).toEqual([['driver.longhorn.io/v1//', 50]]);
    rooms.setClass('fast', { ...WISH, diskTags: ['fast'] });
    expect(gibs('a')).toEqual([
      ['driver.longhorn.io/v1//', 50],
      ['driver.longhorn.io/v1//fast', 0],
    ]);
    rooms.setSetting('storage-over-provisioning-percentage', '200');
    rooms.setClass('fast', undefined);
    expect(gibs('a')).toEqual([['driver.longhorn.io/v1//', 120]]);
    rooms.setSetting('storage-over-provisioning-percentage', undefined);
    rooms.setClass('one', undefined);
    expect(gibs('a')).toEqual([['driver.longhorn.io/v1//', 50]]);
    rooms.setNode('a', undefined);
    expect(gibs('a')).toEqual([]);
  });
});

test('rooms of a source that is silent are taken back, and told again as they are then', () => {
  const told: unknown[] = [];
  const gate = createRoomGate((node, rooms) => void told.push([node, ...rooms.map(({ bytes }) => bytes)]));
  const set = (node: string, ...bytes: readonly number[]): void => gate.set(node, bytes.map((one) => ({ group: 'g', bytes: one }))); // prettier-ignore
  set('a', 1);
  set('b', 2);
  gate.setFresh(true);
  gate.setFresh(false);
  set('a', 3);
  set('b');
  set('c', 4);
  gate.setFresh(false);
  gate.setFresh(true);
  expect(told).toEqual([['a', 1], ['b', 2], ['a'], ['b'], ['a', 3], ['c', 4]]);
});

describe('a VM with new disks of Longhorn', () => {
  /** 50 GiB on node `a`, of which CSIStorageCapacity says that they are 80. */
  function rig(parameters: Readonly<Record<string, string>>): StorageRig {
    const made = storageRig();
    made.node('a');
    made.storageClass('local', { provisioner: 'driver.longhorn.io', parameters });
    made.capacity('local', 'a', 80, 'kubernetes.io/hostname');
    const rooms = createLonghornRooms((node, list) => made.books.setNodeRooms('longhorn', node, list));
    rooms.setNode('a', longhorn.longhornNode(nodeObject()));
    rooms.setClass('local', made.books.storageClass('local')?.longhorn);
    return made;
  }
  const reason = (to: StorageRig, ...gibs: readonly number[]): string => {
    gibs.forEach((gib, index) => to.claim(`new-${index}`, { gib, storageClass: 'local' }));
    return askOf({ uid: 'vm', volumeClaims: gibs.map((_gib, index) => `default/new-${index}`) }, to.books)!.poolReason('a');
  };

  it.each<[string, Readonly<Record<string, string>>, readonly number[], string]>([
    ['is placed by the room of its nodes, not by CSIStorageCapacity', { dataLocality: 'strict-local' }, [50], ''],
    ['is refused for it', { dataLocality: 'strict-local' }, [51], "pool of storage class local has 50 GiB free, guest's new disk needs 51 GiB"],
    ['is refused for all disks together', { dataLocality: 'strict-local' }, [30, 30], "pool of storage class local has 50 GiB free, guest's 2 new disks need 60 GiB"],
    ['whose replicas may be elsewhere goes by CSIStorageCapacity', { dataLocality: 'best-effort' }, [90], "pool of storage class local has 80 GiB free, guest's new disk needs 90 GiB"],
  ])('%s', (_title, parameters, gibs, expected) => expect(reason(rig(parameters), ...gibs)).toBe(expected)); // prettier-ignore

  it('is refused for one that is being made', () => {
    const to = rig({ dataLocality: 'strict-local' });
    to.claim('other', { gib: 20, storageClass: 'local', on: 'a' });
    expect(reason(to, 31)).toBe("pool of storage class local has 30 GiB free (20 GiB of 50 GiB promised to others), guest's new disk needs 31 GiB");
  }); // prettier-ignore

  it('goes by CSIStorageCapacity once Longhorn has forgotten the node', () => {
    const to = rig({ dataLocality: 'strict-local' });
    to.books.setNodeRooms('longhorn', 'a', []);
    expect(reason(to, 81)).toBe("pool of storage class local has 80 GiB free, guest's new disk needs 81 GiB");
  });
});
