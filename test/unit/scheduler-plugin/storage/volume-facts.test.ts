import { podClaims } from '../../../../scheduler-plugin/storage/pod-claims.ts';
import { createLabelReader, createTopology, type Terms } from '../../../../scheduler-plugin/storage/topology.ts';
import * as read from '../../../../scheduler-plugin/storage/volume-facts.ts';

const NOW = Date.UTC(2026, 10, 21, 20);
const readVolume = read.createVolumeReader((createdAt) => NOW - createdAt < 70_000);
const volume = (spec: object, creationTimestamp = '2026-11-20T20:00:00Z'): read.VolumeObject => ({
  metadata: { name: 'pvc-1', creationTimestamp },
  spec: { capacity: { storage: '10Gi' }, volumeMode: 'Block', storageClassName: 'fast', claimRef: { namespace: 'default', name: 'root' }, ...spec },
}); // prettier-ignore

test.each<[string, object, object]>([
  ['local', { local: { path: '/dev/sdb' } }, { driver: 'local', handle: 'pvc-1', bytes: 10 * 2 ** 30, claim: '' }],
  ['CSI', { csi: { driver: 'topolvm.io', volumeHandle: 'c1a2' } }, { driver: 'topolvm.io', handle: 'c1a2' }],
  ['of Kubernetes own NFS', { nfs: { server: 's', path: '/' } }, { driver: 'nfs', where: undefined }],
  ['with two nodes', { local: {}, nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'In', values: ['a', 'b'] }] }] } } }, { where: [[{ key: 'k', operator: 'In', values: ['a', 'b'] }]] }],
])('PersistentVolume: %s', (_title, spec, expected) => {
  expect(readVolume(volume(spec), false)).toMatchObject(expected);
}); // prettier-ignore

test('a file system matters only while it is so new that its room may not be told yet, and was made before we looked', () => {
  const fresh = volume({ volumeMode: 'Filesystem' }, '2026-11-21T19:59:30Z');
  expect([readVolume(fresh, false)?.claim, readVolume(fresh, true), readVolume(volume({ volumeMode: 'Filesystem' }), false)]).toEqual(['default/root', undefined, undefined]);
}); // prettier-ignore

test.each<[string, read.ClaimObject, object]>([
  ['not bound', { metadata: {}, spec: { storageClassName: 'fast', volumeMode: 'Block', resources: { requests: { storage: '1.5Gi' } } } }, { storageClass: 'fast', bytes: 1.5 * 2 ** 30, volume: '', selectedNode: '' }],
  ['with a selected node', { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'a' } }, spec: { storageClassName: 'fast', resources: { requests: { storage: '1G' } } } }, { bytes: 1e9, selectedNode: 'a' }],
  ['bound', { metadata: {}, spec: { volumeName: 'pvc-1', volumeMode: 'Block', resources: { requests: { storage: '1' } } } }, { volume: 'pvc-1' }],
  ['bound, a file system', { metadata: {}, spec: { volumeName: 'pvc-1', resources: { requests: { storage: '1' } } } }, { volume: read.NO_DISK }],
  ['without anything', { metadata: {} }, { storageClass: '', bytes: 0, volume: '' }],
])('PersistentVolumeClaim: %s', (_title, claim, expected) => {
  expect(read.createClaimReader()(claim)).toMatchObject(expected);
}); // prettier-ignore

test.each<[string, Partial<read.ClassObject>, object]>([
  ['that waits', { provisioner: 'csi.example.com', volumeBindingMode: 'WaitForFirstConsumer' }, { waits: true, group: 'class/c' }],
  ['that does not', { provisioner: 'csi.example.com', volumeBindingMode: 'Immediate' }, { waits: false }],
  ['of TopoLVM', { provisioner: 'topolvm.io', parameters: { 'topolvm.io/device-class': 'ssd' } }, { group: 'topolvm.io/ssd' }],
  ['of OpenEBS', { provisioner: 'local.csi.openebs.io', parameters: { storage: 'lvm', volgroup: 'vg' } }, { group: 'local.csi.openebs.io/vg' }],
  ['of LINSTOR, on the node of the VM', { provisioner: 'linstor.csi.linbit.com', volumeBindingMode: 'WaitForFirstConsumer', parameters: { storagePool: 'nvme', allowRemoteVolumeAccess: 'false' } }, { group: 'linstor.csi.linbit.com/nvme' }],
  ['of LINSTOR, made at once', { provisioner: 'linstor.csi.linbit.com', parameters: { storagePool: 'nvme', allowRemoteVolumeAccess: 'false' } }, { group: 'class/c' }],
  ['of OpenEBS, thin', { provisioner: 'local.csi.openebs.io', parameters: { volgroup: 'vg', thinProvision: 'yes' } }, { group: 'class/c' }],
  ['of OpenEBS, any volume group of a pattern', { provisioner: 'local.csi.openebs.io', parameters: { vgpattern: 'vg.*' } }, { group: 'class/c' }],
])('StorageClass %s', (_title, fields, expected) => {
  expect(read.classFacts({ metadata: { name: 'c' }, ...fields })).toMatchObject(expected);
}); // prettier-ignore

test.each<[string, read.CapacityObject, object | undefined]>([
  ['of one node', { storageClassName: 'fast', capacity: '10Gi', nodeTopology: { matchLabels: { k: 'a' } } }, { storageClass: 'fast', bytes: 10 * 2 ** 30, nodes: [{ key: 'k', operator: 'In', values: ['a'] }] }],
  ['of some nodes', { storageClassName: 'fast', capacity: '0', nodeTopology: { matchExpressions: [{ key: 'k', operator: 'Exists' }] } }, { bytes: 0, nodes: [{ key: 'k', operator: 'Exists', values: [] }] }],
  ['of all nodes', { storageClassName: 'fast', capacity: '1', nodeTopology: {} }, { nodes: [] }],
  ['without a figure yet', { storageClassName: 'fast', nodeTopology: { matchLabels: { k: 'a' } } }, undefined],
  ['of no node', { storageClassName: 'fast', capacity: '10Gi' }, undefined],
])('CSIStorageCapacity %s', (_title, object, expected) => {
  const facts = read.createCapacityReader()(object);
  if (expected === undefined) expect(facts).toBeUndefined();
  else expect(facts).toMatchObject(expected);
}); // prettier-ignore

test('the claims of a pod: by name, and of ephemeral volumes by pod and volume', () => {
  const volumes = [
    { name: 'root', persistentVolumeClaim: { claimName: 'disk-1' } },
    { name: 'scratch', ephemeral: {} },
    { name: 'tmp' },
  ];
  expect(podClaims({ metadata: { namespace: 'ns', name: 'vm' }, spec: { volumes } })).toEqual({
    volumeClaims: ['ns/disk-1', 'ns/vm-scratch'],
  });
  expect(podClaims({})).toEqual({ volumeClaims: [] });
});

test.each<[string, string, object]>([
  ['two claims', 'data, logs', { volumeClaims: ['ns/root', 'ns/data', 'ns/logs'], hotplugged: ['ns/data', 'ns/logs'] }],
  ['one that is a volume of the pod, too', 'root,data', { volumeClaims: ['ns/root', 'ns/data'], hotplugged: ['ns/data'] }],
  ['one twice', 'data,data', { volumeClaims: ['ns/root', 'ns/data'], hotplugged: ['ns/data'] }],
  ['what admission would have refused', 'ns/data,,UPPER,../x', { volumeClaims: ['ns/root'] }],
])('the claims of a pod: plugged into its guest, %s', (_title, value, expected) => {
  const metadata = { namespace: 'ns', name: 'vm', annotations: { 'podvisor.dev/hotplugged-claims': value } };
  const volumes = [{ name: 'root', persistentVolumeClaim: { claimName: 'root' } }];
  expect(podClaims({ metadata, spec: { volumes } })).toEqual(expected);
});

describe('topology', () => {
  const topology = createTopology();
  const readLabels = createLabelReader();
  topology.setNode('a', readLabels({ zone: 'z1', size: '4', 'feature.node.kubernetes.io/cpu': 'x' }));
  topology.setNode('b', readLabels({ zone: 'z2', size: '8', gone: '' }));

  it.each<[string, Terms, readonly string[]]>([
    ['In', [[{ key: 'zone', operator: 'In', values: ['z1', 'z3'] }]], ['a']],
    ['NotIn takes nodes without the label', [[{ key: 'gone', operator: 'NotIn', values: [''] }]], ['a']],
    ['Exists', [[{ key: 'gone', operator: 'Exists', values: [] }]], ['b']],
    ['DoesNotExist', [[{ key: 'gone', operator: 'DoesNotExist', values: [] }]], ['a']],
    ['Gt', [[{ key: 'size', operator: 'Gt', values: ['4'] }]], ['b']],
    ['Lt', [[{ key: 'size', operator: 'Lt', values: ['8'] }]], ['a']],
    ['the name', [[{ key: 'metadata.name', operator: 'In', values: ['b'] }]], ['b']],
    ['all of a term', [[{ key: 'zone', operator: 'Exists', values: [] }, { key: 'size', operator: 'In', values: ['8'] }]], ['b']],
    ['any term', [[{ key: 'zone', operator: 'In', values: ['z1'] }], [{ key: 'zone', operator: 'In', values: ['z2'] }]], ['a', 'b']],
    ['no term', [], []],
    ['an operator of later', [[{ key: 'zone', operator: 'Near', values: ['z1'] }]], []],
    ['what hardware can do is not kept', [[{ key: 'feature.node.kubernetes.io/cpu', operator: 'Exists', values: [] }]], []],
  ])('%s', (_title, terms, expected) => expect([...topology.nodes(terms)]).toEqual(expected)); // prettier-ignore

  it('sees a label change, and a node go', () => {
    const terms: Terms = [[{ key: 'zone', operator: 'In', values: ['z9'] }]];
    expect(topology.nodes(terms).size).toBe(0);
    topology.setNode('a', ['zone=z9']);
    expect([...topology.nodes(terms)]).toEqual(['a']);
    topology.setNode('a', undefined);
    expect(topology.nodes(terms).size).toBe(0);
  });
});
