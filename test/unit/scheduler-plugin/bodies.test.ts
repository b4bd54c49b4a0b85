import fc from 'fast-check';
import { createBodies } from '../../../scheduler-plugin/bodies.ts';

/** As Go's encoder writes ExtenderArgs: the pod first, the names last, a line's end. */
const args = (pod: unknown, names: readonly unknown[], rest = ''): Buffer =>
  Buffer.from(`{"Pod":${JSON.stringify(pod)},"Nodes":null,"NodeNames":${JSON.stringify(names)}${rest}}\n`);

test('the names of the request before are the same list, of whatever pod', () => {
  const { read } = createBodies();
  const [first, second, third] = [args({ a: 1 }, ['x', 'y']), args({ b: 2 }, ['x', 'y']), args({ b: 2 }, ['y', 'x'])].map(
    (body) => read(body) as { Pod: unknown; NodeNames: unknown },
  );
  expect(second).toEqual({ Pod: { b: 2 }, Nodes: null, NodeNames: ['x', 'y'] });
  expect(second?.NodeNames).toBe(first?.NodeNames);
  expect(third?.NodeNames).toEqual(['y', 'x']);
});

test('knows the bytes of the list read last, and of no other', () => {
  const { read, bytesOf } = createBodies();
  const [first, second, strange, none] = [args({}, ['x', 'y']), args({}, ['z]}']), args({}, ['"']), args({}, [])].map(
    (body) => (read(body) as { NodeNames: string[] }).NodeNames,
  );
  expect([first, second, strange, none].map((names) => bytesOf(names!)?.toString())).toEqual([
    undefined,
    '"z]}"',
    undefined,
    undefined,
  ]);
});

test('reads whatever JSON.parse reads, alike, also after each other', () => {
  const tail = ',"Nodes":null,"NodeNames":["a"]';
  const name = fc.constantFrom('a', 'b', tail, 'ü', '"');
  const bodies = fc.oneof(
    fc.tuple(fc.json(), fc.array(name), fc.constantFrom('', ',"More":1', ',"Pod":2')).map(([pod, names, rest]) => args(JSON.parse(pod), names, rest)),
    fc.json().map((text) => Buffer.from(text)),
    // The bytes that are looked for, at other depths, and in what is no JSON.
    fc.constantFrom(`{"Pod":{"x":1${tail}}}`, `{"x":1${tail}}`, `{"x":1${tail}}}`, `{"x":[${tail}}]}`, `[1${tail}}`, `{"NodeNames":[]${tail}}`, `{"Pod":{"x":1${tail}},"x":{"y":1${tail}}}`, `{"x":"${tail}"}`).map((text) => Buffer.from(text)),
  ); // prettier-ignore
  fc.assert(
    fc.property(fc.array(bodies, { maxLength: 6 }), (list) => {
      const { read } = createBodies();
      for (const body of list) expect(attempt(() => read(body))).toEqual(attempt(() => JSON.parse(body.toString()) as unknown));
    }),
    { numRuns: 2_000 },
  );
});

function attempt(what: () => unknown): unknown {
  try {
    return { value: what() };
  } catch (error) {
    return error instanceof SyntaxError ? 'no JSON' : error;
  }
}
