import { stableName } from '../../../api/pod-identity.ts';
import type { ObjectMeta } from '../../../api/pod.ts';
import { vmPod } from '../../build/pod.ts';

const owner = (kind: string, name: string, controller = true): ObjectMeta => ({
  ownerReferences: [{ apiVersion: 'any/v1', kind, name, uid: 'u', controller }],
});
const index = { annotations: { 'batch.kubernetes.io/job-completion-index': '3' } };

it.each<[string, ObjectMeta, string | undefined]>([
  ['a bare pod', { name: 'vm' }, 'vm'],
  ['a pod of a StatefulSet', { name: 'db-0', generateName: 'db-', ...owner('StatefulSet', 'db') }, 'db-0'],
  ['a pod of a StatefulSet of others', { name: 'db-0', ...owner('StatefulSet', 'db') }, 'db-0'],
  ['a pod of a ReplicaSet, before it has a name', { name: '', generateName: 'web-', ...owner('ReplicaSet', 'web') }, undefined],
  ['the same after', { name: 'web-abcde', generateName: 'web-', ...owner('ReplicaSet', 'web') }, undefined],
  ['a pod that its user had named', { name: 'vm-abcde', generateName: 'vm-' }, undefined],
  ['a pod of an Indexed Job', { name: 'job-3-abcde', generateName: 'job-3-', ...owner('Job', 'job'), ...index }, 'job/3'],
  ['a pod of another Job', { name: 'job-abcde', generateName: 'job-', ...owner('Job', 'job') }, undefined],
  ['an index without a Job', { name: 'vm', ...index }, 'vm'],
  ['an owner that does not control it', { name: 'web-abcde', generateName: 'web-', ...owner('StatefulSet', 'web', false) }, undefined],
])('%s', (_, metadata, expected) => expect(stableName(vmPod({ metadata }))).toBe(expected)); // prettier-ignore
