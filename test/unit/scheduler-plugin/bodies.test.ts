import fc from 'fast-check';
import { isRecord } from '../../../runtime/record.ts';
import { createBodies } from '../../../scheduler-plugin/bodies.ts';
import { createNodeNames } from '../../../scheduler-plugin/node-names.ts';

/** Some of the names are known. */
function make(mostBytes: number) {
  const names = createNodeNames();
  for (const name of ['x', 'a', 'ab', 'node-1', 'ü']) names.add(name);
  return createBodies(mostBytes, names);
}

/** As Go's encoder writes ExtenderArgs: the pod first, the names last, a line's end. */
const args = (pod: unknown, names: readonly unknown[], rest = ''): Buffer =>
  Buffer.from(`{"Pod":${JSON.stringify(pod)},"Nodes":null,"NodeNames":${JSON.stringify(names)}${rest}}\n`);

test('the names of the request before are the same list, of whatever pod', () => {
  const { read } = make(1 << 20);
  const [first, second, third] = [args({ a: 1 }, ['x', 'y']), args({ b: 2 }, ['x', 'y']), args({ b: 2 }, ['y', 'x'])].map(
    (body) => read(body) as { Pod: unknown; NodeNames: unknown },
  );
  expect(second).toEqual({ Pod: { b: 2 }, Nodes: null, NodeNames: ['x', 'y'] });
  expect(second?.NodeNames).toBe(first?.NodeNames);
  expect(third?.NodeNames).toEqual(['y', 'x']);
});

test('a pod that is asked about again is the same object, unless it is far larger than a VM pod', () => {
  const { read } = make(1 << 20);
  const pods = [{ a: 1 }, { a: 1 }, { a: 2 }, { a: 'x'.repeat(70_000) }, { a: 'x'.repeat(70_000) }];
  const [first, again, other, large, largeAgain] = pods.map((pod) => (read(args(pod, ['x'])) as { Pod: unknown }).Pod);
  expect([again === first, other === first, large === largeAgain]).toEqual([true, false, false]);
  expect([other, large, largeAgain]).toEqual(pods.slice(2));
});

test('knows the bytes of the list read last, and of no other', () => {
  const { read, bytesOf } = make(1 << 20);
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
      const { read } = make(1 << 20);
      for (const body of list) expect(attempt(() => read(body))).toEqual(attempt(() => JSON.parse(body.toString()) as unknown));
    }),
    { numRuns: 2_000 },
  );
});

test('names are read alike in whatever order they come, also where one is the beginning of another', () => {
  const name = fc.constantFrom('a', 'ab', 'abc', 'b', 'node-1', 'node-10', 'ü', '');
  fc.assert(
    fc.property(fc.array(fc.array(name, { maxLength: 8 }), { maxLength: 8 }), (lists) => {
      const { read } = make(1 << 20);
      for (const names of lists) expect(read(args({}, names))).toEqual({ Pod: {}, Nodes: null, NodeNames: names });
    }),
    { numRuns: 1_000 },
  );
});

describe('whole nodes', () => {
  /** As Go's encoder writes ExtenderArgs of a scheduler that sends nodes. */
  const whole = (pod: unknown, items: readonly string[], end = '', comma = ',') =>
    Buffer.from(`{"Pod":${JSON.stringify(pod)},"Nodes":{"metadata":{},"items":[${items.join(comma)}]},"NodeNames":null}${end}`);
  interface Read { readonly Pod: unknown; readonly Nodes: { readonly items: readonly { readonly metadata?: { readonly name?: string } }[] }; readonly NodeNames: unknown } // prettier-ignore
  const a = '{"metadata":{"name":"a","labels":{"x":"]},"}},"spec":{}}';

  it('are known by their bytes, and are as they were sent', () => {
    const { read, nodeBytesOf } = make(1 << 20);
    const [first, second, changed] = [whole({ a: 1 }, [a]), whole({ b: 2 }, [b, a]), whole({}, [a.replace('{}', '{"a":1}')])].map((body) => (read(body) as Read).Nodes.items);
    expect(second?.[1]).toBe(first?.[0]);
    expect([...second!, ...changed!].map((node) => nodeBytesOf(node)?.toString())).toEqual([b, a, a.replace('{}', '{"a":1}')]);
  }); // prettier-ignore
  const b = '{"metadata":{"name":"b"}}';

  it('are read also when they are more than is remembered', () => {
    const { read } = make(60);
    const names = (body: Buffer) => (read(body) as Read).Nodes.items.map((node) => node.metadata?.name);
    for (let turn = 0; turn < 3; turn++) expect(names(whole({}, [a, b, a]))).toEqual(['a', 'b', 'a']);
  });

  it.each([';', ' ', ''])('that are known are no list with "%s" between them', (comma) => {
    const { read } = make(1 << 20);
    read(whole({}, [a, b]));
    expect(() => read(whole({}, [a, b], '', comma))).toThrow(SyntaxError);
    expect(() => read(whole({}, [a, b, '']))).toThrow(SyntaxError);
  });

  it('of any JSON are those that JSON.parse reads, also after each other', () => {
    const next = ',{"metadata":{"name":"a"}}';
    const name = fc.constantFrom('"a"', '"b"', '"ü"', '"\\u0061"', '"x\\",\\"y"', '1');
    const rest = fc.constantFrom('', ',"spec":{}', `,"more":[{}${next}]`, `,"text":${JSON.stringify(`]},"NodeNames":null}${next}`)}`, ',"metadata":{"name":"b"}', ',"metadata":1', ',"x":"é"');
    const node = fc.oneof(
      fc.tuple(name, fc.constantFrom('', ',"name":"b"', ',"a":{"name":"c"}'), rest).map(([called, more, after]) => `{"metadata":{"name":${called}${more}}${after}}`),
      fc.tuple(fc.constantFrom(' ', '\n', ''), name, fc.constantFrom(' ', '')).map(([before, called, after]) => `${before}{"kind":"Node", "metadata": {"name" :${called}}}${after}`),
      fc.constantFrom(b, b, a, '{"metadata":{"name":"a"', '}', '', 'null', '[]', '1', `[1${next}]`),
      fc.json(),
    );
    const items = fc.array(node, { maxLength: 4 });
    const body = fc.oneof(
      fc.tuple(fc.jsonValue(), items, fc.constantFrom('', '\n', ' ', '}', ','), fc.constantFrom(',', ',', ',', ';', ', ')).map(([pod, list, end, comma]) => whole(pod, list, end, comma)),
      fc.tuple(fc.constantFrom('{"Nodes":{"items":[', '{"Pod":{},"Nodes":{"items":[', '{"Pod":{},"NodeNames":["x"],"Nodes":{"metadata":{},"items":['), items).map(([head, list]) => Buffer.from(`${head}${list.join(',')}]},"NodeNames":null}`)),
    );
    fc.assert(
      fc.property(fc.array(body, { maxLength: 6 }), (list) => {
        const { read, nodeBytesOf } = make(100);
        for (const one of list) {
          const asParsed = (): unknown => {
            const value = read(one);
            return value !== null && typeof value === 'object' && 'Nodes' in value ? restored(value as Read, nodeBytesOf) : value;
          };
          expect(attempt(asParsed)).toEqual(attempt(() => JSON.parse(one.toString()) as unknown));
        }
      }),
      { numRuns: 5_000 },
    );
  }, 60_000); // prettier-ignore

  /** With each node as its bytes say, and named as it is. */
  function restored(value: Read, bytesOf: (node: object) => Buffer | undefined): unknown {
    if (!isRecord(value.Nodes) || !Array.isArray(value.Nodes.items)) return value;
    const items = (value.Nodes.items as readonly unknown[]).map((node) => {
      const bytes = isRecord(node) ? bytesOf(node) : undefined;
      if (bytes === undefined) return node;
      const sent = JSON.parse(bytes.toString()) as { readonly metadata?: { readonly name?: string } };
      expect(node).toEqual({ metadata: { name: sent.metadata?.name } });
      return sent;
    });
    return { ...value, Nodes: { ...(value.Nodes as object), items } };
  }
});

function attempt(what: () => unknown): unknown {
  try {
    return { value: what() };
  } catch (error) {
    return error instanceof SyntaxError ? 'no JSON' : error;
  }
}
