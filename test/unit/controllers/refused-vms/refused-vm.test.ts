import { refusedVm } from '../../../../controllers/refused-vms/refused-vm.ts';

const status = { phase: 'Failed', reason: 'OutOfcpu', message: "Pod was rejected: Node didn't have enough resource: cpu" };
const metadata = { name: 'vm', namespace: 'team', uid: 'u' };
const read = (fields: object, meta: object = {}) =>
  refusedVm({
    metadata: { ...metadata, ...meta },
    spec: { nodeName: 'node7' },
    status: { ...status, ...fields },
  });

test('a bare VM pod that a kubelet refused: which one, why, and what to do', () => {
  expect(read({})).toEqual({
    uid: 'u',
    namespace: 'team',
    name: 'vm',
    reason: 'OutOfcpu',
    message: expect.stringMatching(
      /^The kubelet of node7 did not take this VM \(Pod was rejected: .* cpu\)\. Nobody makes a bare pod again: delete it and .*kubectl replace/,
    ),
    told: false,
  });
});

test.each([
  ['one that ended by itself', { reason: undefined }, {}],
  ['one that was evicted', { reason: 'Evicted' }, {}],
  ['one that runs', { phase: 'Running' }, {}],
  ['one that a controller makes again', {}, { ownerReferences: [{ controller: true }] }],
  ['one that is being deleted', {}, { deletionTimestamp: '2026-11-21T20:00:00Z' }],
])('%s is left alone', (_what, fields, meta) => {
  expect(read(fields, meta)).toBeUndefined();
});

test('what has been told is not told again', () => {
  expect(read({ conditions: [{ type: 'podvisor.dev/refused' }] })?.told).toBe(true);
});

test('the kubelet’s words are cut, so that what to do is still read', () => {
  expect(read({ message: 'x'.repeat(5_000) })?.message.length).toBeLessThan(700);
});
