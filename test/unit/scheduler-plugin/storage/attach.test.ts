import { nodeReason } from '../../../../scheduler-plugin/node-reason.ts';
import { askOf, type StorageAsk } from '../../../../scheduler-plugin/storage/ask.ts';
import {
  type AttachmentObject,
  createAttachmentReader,
  createAttachments,
} from '../../../../scheduler-plugin/storage/attachments.ts';
import { createCsiNodeReader } from '../../../../scheduler-plugin/storage/csi-nodes.ts';
import { claims, node, wanted } from '../../../build/placement.ts';
import { storageRig, type StorageRig } from '../../../build/storage.ts';

const DRIVER = 'csi.example.com';
const MISSING = `node plugin of CSI driver ${DRIVER} does not run there, and a disk of the guest needs it`;

/** A bound claim `old` and one that is not, `new`, both of the driver. */
function rig(nodes: Readonly<Record<string, Record<string, number | null> | null>>): StorageRig {
  const made = storageRig();
  made.volume('old', { csi: { driver: DRIVER, volumeHandle: 'h' }, age: 3_600_000 });
  made.claim('old', { volume: 'old' });
  made.claim('new');
  for (const [name, drivers] of Object.entries(nodes)) {
    made.node(name);
    made.csiNode(name, drivers);
  }
  return made;
}
const ask = ({ books }: StorageRig, ...names: readonly string[]): StorageAsk =>
  askOf({ uid: 'vm', volumeClaims: names.map((name) => `default/${name}`) }, books)!;

describe('the node plugin of a disk', () => {
  it.each<[string, Parameters<typeof rig>[0], (to: StorageRig) => readonly string[], string]>([
    ['runs there', { a: { [DRIVER]: null } }, () => ['old', 'new'], ''],
    ['runs on another node alone: bound disk', { a: {}, b: { [DRIVER]: 3 } }, () => ['old'], MISSING],
    ['runs on another node alone: new disk', { a: { 'other.example.com': 1 }, b: { [DRIVER]: null } }, () => ['new'], MISSING],
    ['runs on another node alone: no CSINode here', { a: null, b: { [DRIVER]: null } }, () => ['old'], MISSING],
    ['runs nowhere: it may be no CSI driver', { a: { 'other.example.com': null } }, () => ['old', 'new'], ''],
    ['of a cluster without CSINodes', { a: null }, () => ['old', 'new'], ''],
    ['ran elsewhere until its CSINode went', { a: {}, b: { [DRIVER]: null } }, (to) => (to.csiNode('b', null), ['old']), ''],
    ['ran elsewhere until it left', { a: {}, b: { [DRIVER]: null } }, (to) => (to.csiNode('b', {}), ['old']), ''],
    ['runs elsewhere still, though it left one', { a: {}, b: { [DRIVER]: null }, c: { [DRIVER]: null } }, (to) => (to.csiNode('b', {}), ['old']), MISSING],
    ['of a local volume', { a: {}, b: { [DRIVER]: null } }, (to) => (to.volume('disk', { local: {} }), to.claim('disk', { volume: 'disk' }), ['disk']), ''],
    ['of a class nobody knows', { a: {}, b: { [DRIVER]: null } }, (to) => (to.claim('odd', { storageClass: 'gone' }), ['odd']), ''],
    ['of a claim nobody knows', { a: {}, b: { [DRIVER]: null } }, () => ['unknown'], ''],
    ['of a file system, of which nothing is kept', { a: {}, b: { [DRIVER]: null } }, (to) => (to.claim('files', { volume: 'old', mode: 'Filesystem' }), ['files']), ''],
  ])('%s', (_title, nodes, names, reason) => {
    const to = rig(nodes);
    const asked = names(to);
    expect(ask(to, ...asked).attachReason('a')).toBe(reason);
  }); // prettier-ignore

  it.each([
    ['', MISSING],
    ['require', MISSING],
    ['ignore', ''],
  ])('storage: %s', (storage, reason) => {
    const to = rig({ a: {}, b: { [DRIVER]: null } });
    const vm = wanted({ volumeClaims: ['default/new'] }, storage === '' ? {} : { storage });
    expect(nodeReason(vm, node({ name: 'a' }), claims(undefined, { storage: (one) => askOf(one, to.books) }))).toBe(reason);
  });
});

/** Node `a` with a limit, and bound claims `one` to `five`, and `other` of another driver. */
function limited(limit: number | null): StorageRig {
  const made = rig({ a: { [DRIVER]: limit, 'other.example.com': 1 }, b: { [DRIVER]: 20 } });
  for (const [name, driver] of [...['one', 'two', 'three', 'four', 'five'].map((each) => [each, DRIVER]), ['other', 'other.example.com']] as const) {
    made.volume(name, { csi: { driver: driver, volumeHandle: name }, age: 3_600_000 });
    made.claim(name, { volume: name });
  }
  return made;
} // prettier-ignore
const attach = (to: StorageRig, volume: string, { node: at = 'a', attached = true, driver = DRIVER } = {}): void =>
  to.attachments.set(`${volume}-${at}`, { volume, node: at, driver, attached });
const plugged = ({ books }: StorageRig, own: readonly string[], hotplugged: readonly string[]): StorageAsk => {
  const keys = (names: readonly string[]): string[] => names.map((name) => `default/${name}`);
  return askOf({ uid: 'vm', volumeClaims: keys([...own, ...hotplugged]), hotplugged: keys(hotplugged) }, books)!;
};
const full = (limit: number, has: number, more: number, ofThem: number): string =>
  `CSI driver ${DRIVER} has ${has} of at most ${limit} volumes there, guest needs ${more} more (${ofThem} of them plugged into it)`;

interface Places {
  readonly limit: number | null;
  readonly own: readonly string[];
  readonly hotplugged: readonly string[];
}

describe('places for volumes that are plugged into the guest', () => {
  it.each<[string, Places, (to: StorageRig) => void, string]>([
    ['enough', { limit: 2, own: ['one'], hotplugged: ['two'] }, () => undefined, ''],
    ['too few', { limit: 1, own: ['one'], hotplugged: ['two'] }, () => undefined, full(1, 0, 2, 1)],
    ['too few with what is attached', { limit: 3, own: ['one'], hotplugged: ['two'] }, (to) => (attach(to, 'three'), attach(to, 'four')), full(3, 2, 2, 1)],
    ['what is to be attached counts', { limit: 2, own: [], hotplugged: ['two'] }, (to) => (attach(to, 'three'), attach(to, 'four', { attached: false })), full(2, 2, 1, 1)],
    ['what is attached elsewhere does not', { limit: 2, own: [], hotplugged: ['two'] }, (to) => (attach(to, 'three', { node: 'b' }), attach(to, 'four', { node: 'b' })), ''],
    ['what is attached by another driver does not', { limit: 1, own: [], hotplugged: ['two'] }, (to) => attach(to, 'other', { driver: 'other.example.com' }), ''],
    ['what is attached there already is not counted twice', { limit: 2, own: ['one'], hotplugged: ['two'] }, (to) => (attach(to, 'one'), attach(to, 'two')), ''],
    ['all that is plugged in is attached there: kube-scheduler has counted the rest', { limit: 1, own: ['one'], hotplugged: ['two'] }, (to) => attach(to, 'two'), ''],
    ['nothing is plugged in: kube-scheduler has counted', { limit: 1, own: ['one', 'two'], hotplugged: [] }, () => undefined, ''],
    ['a new disk of the pod counts', { limit: 1, own: ['new'], hotplugged: ['two'] }, () => undefined, full(1, 0, 2, 1)],
    ['a VM that was bound a moment ago counts', { limit: 2, own: [], hotplugged: ['two'] }, (to) => (to.vm('u1', 'a', 'three', 'other'), to.vm('u2', 'a', 'four', 'new', 'unknown')), full(2, 2, 1, 1)],
    ['a VM that was bound a moment ago counts once', { limit: 2, own: [], hotplugged: ['two'] }, (to) => (to.vm('u1', 'a', 'three'), attach(to, 'three')), ''],
    ['the VM itself does not', { limit: 1, own: [], hotplugged: ['two'] }, (to) => to.vm('vm', 'a', 'two'), ''],
    ['a VM on another node does not', { limit: 1, own: [], hotplugged: ['two'] }, (to) => to.vm('u1', 'b', 'three'), ''],
    ['no limit', { limit: null, own: ['one'], hotplugged: ['two', 'three', 'four'] }, () => undefined, ''],
    ['of one that is not bound: it says nothing', { limit: 0, own: [], hotplugged: ['new'] }, () => undefined, ''],
    ['of one nobody knows: it says nothing', { limit: 0, own: [], hotplugged: ['unknown'] }, () => undefined, ''],
  ])('%s', (_title, { limit, own, hotplugged }, prepare, reason) => {
    const to = limited(limit);
    prepare(to);
    expect(plugged(to, own, hotplugged).attachReason('a')).toBe(reason);
  }); // prettier-ignore
});

describe('a claim that is plugged in', () => {
  it('counts as a disk of the VM', () => {
    const to = limited(null);
    const onB = [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['b'] }];
    to.volume('far', {
      local: {},
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: onB }] } },
      age: 3_600_000,
    });
    to.claim('far', { volume: 'far' });
    const asked = plugged(to, [], ['far']);
    expect([asked.shares(['a', 'b']), asked.dataReason('a'), asked.dataReason('b')]).toEqual([
      [0, 1],
      "it has no copy of guest's disk, and the guest requires its disks there",
      '',
    ]);
    // As a volume of the pod it is kube-scheduler's.
    expect([asked.attachReason('a'), asked.attachReason('b'), plugged(to, ['far'], []).attachReason('a')]).toEqual([
      'claim far is plugged into the guest, and its volume cannot be used there',
      '',
      '',
    ]);
  });

  it.each(['new', 'unknown'])('takes no room and blocks nothing while it is %s', (name) => {
    const to = limited(null);
    to.capacity('fast', 'a', 1);
    const asked = plugged(to, [], [name]);
    expect([asked.poolReason('a'), asked.attachReason('a'), asked.dataReason('a'), asked.shares(['a']), asked.wants.size]).toEqual(['', '', '', undefined, 0]);
  }); // prettier-ignore
});

describe('attachments', () => {
  const attachments = createAttachments();
  const one = { volume: 'v', driver: DRIVER, attached: true };

  it('come, move and go, by volume and by node', () => {
    attachments.set('k1', { ...one, node: 'a' });
    attachments.set('k2', { ...one, node: 'b', attached: false });
    expect([attachments.nodes('v'), attachments.on('a').length, attachments.on('b').length]).toEqual([['a'], 1, 1]);
    attachments.set('k2', { ...one, node: 'b' });
    attachments.set('k1', { ...one, node: 'c' });
    expect([attachments.nodes('v'), attachments.on('a').length, attachments.on('c').length]).toEqual([['b', 'c'], 0, 1]);
    attachments.set('k1', undefined);
    attachments.set('k2', undefined);
    expect([attachments.nodes('v'), attachments.on('b'), attachments.on('c')]).toEqual([[], [], []]);
  });

  const spec = { attacher: DRIVER, nodeName: 'a', source: { persistentVolumeName: 'pvc-1' } };
  const read = { volume: 'pvc-1', node: 'a', driver: DRIVER };
  it.each<[string, AttachmentObject, object | undefined]>([
    ['attached', { spec, status: { attached: true } }, { ...read, attached: true }],
    ['being attached', { spec, status: { attached: false } }, { ...read, attached: false }],
    ['without status', { spec }, { ...read, attached: false }],
    ['of an inline volume', { spec: { ...spec, source: {} }, status: { attached: true } }, undefined],
    ['without a spec', {}, undefined],
  ])('VolumeAttachment: %s', (_title, object, expected) => {
    expect(createAttachmentReader()(object)).toEqual(expected);
  });
});

describe('a CSINode', () => {
  const read = createCsiNodeReader();
  const drivers = [
    { name: 'a.example.com', nodeID: 'i-1', topologyKeys: ['zone'], allocatable: { count: 39 } },
    { name: 'b.example.com', nodeID: 'b', topologyKeys: null, allocatable: null },
  ];

  it('tells drivers and their limits', () => {
    expect([...read({ spec: { drivers } })]).toEqual([['a.example.com', 39], ['b.example.com', undefined]]);
  }); // prettier-ignore

  it.each([
    ['without drivers', { spec: { drivers: [] } }],
    ['of null', { spec: { drivers: null } }],
    ['without a spec', {}],
  ])('%s has none', (_title, object) => expect(read(object).size).toBe(0));

  it('of equal drivers is one list in memory, whatever the name of the node is to them', () => {
    expect(read({ spec: { drivers: drivers.map((one) => ({ ...one, nodeID: 'i-2' })) } })).toBe(read({ spec: { drivers } }));
  });
});
