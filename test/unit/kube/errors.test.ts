import { isNoLongerThere, KubeError } from '../../../kube/errors.ts';

describe('a write that names the uid of its object', () => {
  it.each<[string, unknown, boolean]>([
    ['the object is gone', new KubeError(404, 'NotFound', 'pods "vm" not found'), true],
    [
      'another has its name, by the precondition',
      new KubeError(409, 'Conflict', 'Precondition failed: UID in precondition'),
      true,
    ],
    ['another has its name, by validation', new KubeError(422, 'Invalid', 'metadata.uid: field is immutable'), true],
    ['the version of a list is no longer kept', new KubeError(410, 'Expired', 'too old resource version'), false],
    ['a name that is taken', new KubeError(409, 'AlreadyExists', 'pods "vm" already exists'), false],
    ['no answer', new KubeError(0, 'Timeout', 'no answer'), false],
    ['not allowed', new KubeError(403, 'Forbidden', 'forbidden'), false],
    ['a fault of ours', new TypeError('x is not a function'), false],
  ])('%s', (_title, error, expected) => expect(isNoLongerThere(error)).toBe(expected));
});
