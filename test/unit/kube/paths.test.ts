import { keyOf, splitKey } from '../../../kube/objects.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';

it.each([
  ['/api/v1/pods', pathOf(KINDS.pods)],
  ['/api/v1/namespaces/ns/pods', pathOf(KINDS.pods, { namespace: 'ns' })],
  ['/api/v1/namespaces/ns/pods/a/status', pathOf(KINDS.pods, { namespace: 'ns', name: 'a', subresource: 'status' })],
  ['/api/v1/nodes/n1', pathOf(KINDS.nodes, { name: 'n1' })],
  ['/apis/coordination.k8s.io/v1/namespaces/ns/leases/l', pathOf(KINDS.leases, { namespace: 'ns', name: 'l' })],
  ['/api/v1/namespaces/ns/pods/..%2Fsecrets', pathOf(KINDS.pods, { namespace: 'ns', name: '../secrets' })],
])('%s', (expected, path) => expect(path).toBe(expected));

it.each([
  ['ns/a', { namespace: 'ns', name: 'a' }],
  ['node1', { name: 'node1' }],
])('key %s and its object', (key, metadata) => {
  expect(keyOf({ metadata })).toBe(key);
  expect(splitKey(key)).toEqual(metadata);
});
