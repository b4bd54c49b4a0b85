import { nodeReason } from '../../../../scheduler-plugin/node-reason.ts';
import { askOf, type StorageAsk } from '../../../../scheduler-plugin/storage/ask.ts';
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
