import fc from 'fast-check';
import { compileGlob } from '../../../policy/glob.ts';
import { imageName } from '../../../policy/image-name.ts';

test.each<[string, string, boolean]>([
  ['a', 'a', true],
  ['a', 'ab', false],
  ['*', 'ab', true],
  ['*', 'a/b', false],
  ['**', 'a/b', true],
  ['reg.io/vms/*', 'reg.io/vms/debian', true],
  ['reg.io/vms/*', 'reg.io/vms/sub/debian', false],
  ['reg.io/vms/**', 'reg.io/vms/sub/debian', true],
  ['reg.io/vms/**', 'reg.io/vms-of-others/debian', false],
  ['*.io/*', 'reg.io/x', true],
  ['a*b*c', 'aXbYbZc', true],
  ['a*b*c', 'aXbYbZ', false],
  ['.', 'x', false],
  ['a**', 'a', true],
])('pattern %s, name %s', (pattern, name, expected) => expect(compileGlob(pattern).matches(name)).toBe(expected));

test('a pattern says what the regular expression of the same meaning says', () => {
  const letters = (...all: string[]) => fc.array(fc.constantFrom(...all), { maxLength: 8 }).map((list) => list.join(''));
  fc.assert(
    fc.property(letters('a', 'b', '/', '*'), letters('a', 'b', '/'), (pattern, name) => {
      const source = pattern.replaceAll(/\*\*+|\*|\//g, (part) => (part === '/' ? '\\/' : part === '*' ? '[^/]*' : '[^]*'));
      expect(compileGlob(pattern).matches(name)).toBe(new RegExp(`^${source}$`).test(name));
    }),
    { numRuns: 3000 },
  );
});

test('a pattern that would ruin a backtracking matcher is answered', () => {
  expect(compileGlob('a*'.repeat(100) + 'b').matches('a'.repeat(1000))).toBe(false);
});

test.each<[string, string, string | undefined]>([
  ['debian', 'docker.io/library/debian', undefined],
  ['debian:13', 'docker.io/library/debian', undefined],
  ['team/vm', 'docker.io/team/vm', undefined],
  ['index.docker.io/debian', 'docker.io/library/debian', undefined],
  ['reg.io/vm:1', 'reg.io/vm', undefined],
  ['reg:5000/vm', 'reg:5000/vm', undefined],
  ['localhost/vm', 'localhost/vm', undefined],
  ['reg.io/a/b:1@sha256:00', 'reg.io/a/b', 'sha256:00'],
])('image %s', (reference, repository, digest) => expect(imageName(reference)).toEqual({ repository, digest }));
