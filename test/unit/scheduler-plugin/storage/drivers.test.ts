import { createCopies } from '../../../../scheduler-plugin/storage/copies.ts';
import * as drivers from '../../../../scheduler-plugin/storage/drivers.ts';
import { linstorCopies, linstorPool, linstorRooms, linstorVolume } from '../../../../scheduler-plugin/storage/linstor.ts';

/** Objects as the drivers write them, cut to what matters and what might mislead. */

const replica = (spec: object, status: object = { currentState: 'running' }): Parameters<typeof drivers.longhornReplica>[0] => ({
  metadata: { name: 'pvc-1-r-4f0e2b1a' },
  spec: { volumeName: 'pvc-1', volumeSize: '10737418240', nodeID: 'a', diskID: 'd', active: true, healthyAt: '2026-11-20T08:00:00Z', failedAt: '', dataEngine: 'v1', ...spec },
  status: { ...status },
}); // prettier-ignore

test.each([
  ['healthy', replica({}), { volume: 'pvc-1', node: 'a' }],
  ['healthy, its volume detached', replica({}, { currentState: 'stopped' }), { volume: 'pvc-1', node: 'a' }],
  ['still being rebuilt', replica({ healthyAt: '' }), { volume: 'pvc-1', node: '' }],
  ['failed since', replica({ failedAt: '2026-11-21T08:00:00Z' }), { volume: 'pvc-1', node: '' }],
  ['of an engine of before an upgrade', replica({ active: false }), { volume: 'pvc-1', node: '' }],
  ['not scheduled yet', replica({ nodeID: '', healthyAt: '' }), { volume: 'pvc-1', node: '' }],
  ['of no volume', replica({ volumeName: '' }), undefined],
  ['without a spec', { metadata: { name: 'x' } }, undefined],
])('Longhorn Replica: %s', (_title, object, expected) => {
  expect(drivers.longhornReplica(object)).toEqual(expected);
});

test.each([
  ['replicated', { dataLocality: 'best-effort', numberOfReplicas: 3, migratable: true }, undefined],
  ['in shards', { dataLayout: 'sharded' }, true],
  ['of a layout that is not in shards', { dataLayout: 'replicated' }, undefined],
])('Longhorn Volume: %s', (_title, spec, expected) => {
  expect(drivers.longhornSharded({ metadata: { name: 'pvc-1' }, spec })).toBe(expected);
});

test.each([
  ['made', { spec: { name: 'pvc-1', nodeName: 'a', deviceClass: 'ssd', size: '10Gi' }, status: { volumeID: 'c1a2', currentSize: '10Gi' } }, { volume: 'c1a2', node: 'a' }],
  ['not made yet', { spec: { name: 'pvc-1', nodeName: 'a', size: '10Gi' } }, undefined],
])('TopoLVM LogicalVolume: %s', (_title, fields, expected) => {
  expect(drivers.topolvmVolume({ metadata: { name: 'c1a2' }, ...fields })).toEqual(expected);
}); // prettier-ignore

test('TopoLVM: room by device class, from the annotations of its Node', () => {
  const annotations = { 'capacity.topolvm.io/ssd': '10737418240', 'capacity.topolvm.io/00default': '42', 'capacity.topolvm.io/odd': 'much', other: '1' };
  expect(drivers.topolvmRooms(annotations)).toEqual([{ group: 'topolvm.io/ssd', bytes: 10737418240 }, { group: 'topolvm.io/', bytes: 42 }]);
}); // prettier-ignore

test('OpenEBS LVMVolume and LVMNode', () => {
  const volume = { metadata: { name: 'pvc-1' }, spec: { ownerNodeID: 'a', volGroup: 'lvmvg', capacity: '4294967296' }, status: { state: 'Ready' } };
  expect(drivers.openebsVolume(volume)).toEqual({ volume: 'pvc-1', node: 'a' });
  const node = { metadata: { name: 'a' }, volumeGroups: [{ name: 'lvmvg', uuid: 'u', size: '20Gi', free: '10Gi', lvCount: 3 }] };
  expect(drivers.openebsRooms(node)).toEqual([{ group: 'local.csi.openebs.io/lvmvg', bytes: 10 * 2 ** 30 }]);
  expect(drivers.openebsRooms({ metadata: { name: 'b' } })).toEqual([]);
}); // prettier-ignore

test.each([
  ['rook-ceph.rbd.csi.ceph.com', true],
  ['rbd.csi.ceph.com', true],
  ['rook-ceph.cephfs.csi.ceph.com', true],
  ['nfs.csi.k8s.io', true],
  ['nfs', true],
  ['driver.longhorn.io', false],
  ['local', false],
  ['ebs.csi.aws.com', false],
])('a volume of %s is equally far from all nodes: %s', (driver, expected) => {
  expect(drivers.isRemote(driver)).toBe(expected);
});

describe('LINSTOR', () => {
  const resource = (node: string, fields: object = {}, disk = 'UpToDate'): object => ({
    name: 'pvc-1', node_name: node, props: {}, flags: [], state: { in_use: false }, uuid: 'u', create_timestamp: 1,
    volumes: [{ volume_number: 0, storage_pool_name: 'nvme', provider_kind: 'LVM_THIN', allocated_size_kib: 10, state: { disk_state: disk } }],
    ...fields,
  }); // prettier-ignore

  it.each([
    ['diskful and up to date', resource('a'), 'a'],
    ['diskless', resource('a', { flags: ['DISKLESS', 'DRBD_DISKLESS'] }, 'Diskless'), ''],
    ['diskless of DRBD alone', resource('a', { flags: ['DRBD_DISKLESS'] }), ''],
    ['a tie breaker', resource('a', { flags: ['DISKLESS', 'DRBD_DISKLESS', 'TIE_BREAKER'] }, 'TieBreaker'), ''],
    ['being synchronised', resource('a', {}, 'SyncTarget(12.4%)'), ''],
    ['outdated', resource('a', {}, 'Outdated'), ''],
    ['inconsistent', resource('a', {}, 'Inconsistent'), ''],
    ['of a satellite that is offline', resource('a', {}, 'DUnknown'), ''],
    ['without flags', resource('a', { flags: undefined }), 'a'],
    ['without the number of its first volume', resource('a', { volumes: [{ state: { disk_state: 'UpToDate' } }] }), 'a'],
  ])('%s', (_title, one, node) => {
    expect([...(linstorCopies([one]) ?? [])]).toEqual([['pvc-1/0/a', { volume: 'pvc-1/0', node }]]);
  });

  it('has volumes of one resource apart', () => {
    const volumes = [
      { volume_number: 0, state: { disk_state: 'UpToDate' } },
      { volume_number: 1, state: { disk_state: 'SyncTarget' } },
    ];
    expect([...(linstorCopies([resource('a', { volumes })])?.values() ?? [])]).toEqual([
      { volume: 'pvc-1/0', node: 'a' },
      { volume: 'pvc-1/1', node: '' },
    ]);
  });

  it.each([
    ['an error answer', { ret_code: -1, message: 'no' }, undefined],
    ['nothing', undefined, undefined],
    ['a list of other things', [null, 1, {}, { name: 'x' }, { name: 'x', node_name: 'y', volumes: 'z' }], 0],
  ])('%s is no list of copies', (_title, view, size) => expect(linstorCopies(view)?.size).toBe(size));

  const pool = (fields: object): object => ({
    storage_pool_name: 'nvme', node_name: 'a', provider_kind: 'LVM', props: {}, free_capacity: 2, total_capacity: 9, free_space_mgr_name: 'a:nvme', uuid: 'u', ...fields,
  }); // prettier-ignore

  it.each([
    ['a pool', pool({}), 2048],
    ['a full one', pool({ free_capacity: 0 }), 0],
    ['a thin one', pool({ provider_kind: 'ZFS_THIN' }), 2048],
    ['one without disks', pool({ provider_kind: 'DISKLESS', free_capacity: 9_223_372_036_854_775_807 }), undefined],
    ['one of a satellite that is away', pool({ free_capacity: undefined }), undefined],
    ['one that several nodes share', pool({ shared_space: 'san' }), undefined],
    ['one without a name', pool({ storage_pool_name: undefined }), undefined],
    ['something else', 'x', undefined],
  ])('room of %s', (_title, one, bytes) => {
    const room = bytes === undefined ? [] : [['a', [{ group: 'linstor.csi.linbit.com/nvme', bytes }]]];
    expect([...(linstorRooms([one]) ?? [])]).toEqual(room);
  });

  it('an error answer is no list of pools', () => expect(linstorRooms({ ret_code: -1 })).toBeUndefined());

  it.each<[string, Readonly<Record<string, string>>, string | undefined]>([
    ['on the node of the VM alone', { 'linstor.csi.linbit.com/storagePool': 'nvme', 'linstor.csi.linbit.com/allowRemoteVolumeAccess': 'false' }, 'nvme'],
    ['without the namespace, in another case', { storagepool: 'nvme', AllowRemoteVolumeAccess: 'False', placementCount: '2' }, 'nvme'],
    ['on other nodes, too', { storagePool: 'nvme', allowRemoteVolumeAccess: 'true' }, undefined],
    ['on other nodes by rules', { storagePool: 'nvme', allowRemoteVolumeAccess: '- fromSame: [zone]' }, undefined],
    ['wherever LINSTOR likes', { storagePool: 'nvme' }, undefined],
    ['in any of two pools', { storagePool: 'nvme ssd', allowRemoteVolumeAccess: 'false' }, undefined],
    ['in any pool', { allowRemoteVolumeAccess: 'false' }, undefined],
    ['of more than is free', { storagePool: 'nvme', allowRemoteVolumeAccess: 'false', overProvision: '2.0' }, undefined],
    ['on named nodes', { storagePool: 'nvme', allowRemoteVolumeAccess: 'false', nodeList: 'a b' }, undefined],
    ['said by parameters of somebody else', { 'example.com/storagePool': 'nvme', allowRemoteVolumeAccess: 'false' }, undefined],
  ])('volumes %s', (_title, parameters, expected) => expect(linstorPool(parameters)).toBe(expected)); // prettier-ignore

  it.each([
    ['pvc-1', 'pvc-1/0'],
    ['pvc-1/3', 'pvc-1/3'],
  ])('handle %s is volume %s', (handle, volume) => expect(linstorVolume(handle)).toBe(volume));
});

describe('copies', () => {
  const copies = createCopies();
  it('come, move and go; a volume without a usable one is known all the same', () => {
    copies.set('r1', { volume: 'v', node: 'a' });
    copies.set('r2', { volume: 'v', node: 'b' });
    expect(copies.nodes('v')).toEqual(['a', 'b']);
    copies.set('r1', { volume: 'v', node: '' });
    copies.set('r2', undefined);
    expect(copies.nodes('v')).toEqual([]);
    copies.set('r1', undefined);
    expect(copies.nodes('v')).toBeUndefined();
  });
});
