import fc from 'fast-check';
import { createNodeNames, type NodeNames } from '../../../scheduler-plugin/node-names.ts';

/** The same by their hash (name-table.ts). */
const ALIKE = ['node-01o19y', 'node-cvrij1'] as const;

test('names of one hash are told apart', () => {
  const names = createNodeNames();
  const [first, second] = ALIKE.map((name) => names.add(name));
  expect(first).not.toBe(second);
  expect([...names.ofAll(names.read(Buffer.from(`"${ALIKE[1]}","${ALIKE[0]}"]`))!.names)]).toEqual([second, first]);
  names.remove(ALIKE[1]);
  expect([...names.ofAll(names.read(Buffer.from(`"${ALIKE[1]}","${ALIKE[0]}"]`))!.names)]).toEqual([-1, first]);
});

test('what is read are the names, with the numbers that they have, whatever came and went before', () => {
  const name = fc.oneof(fc.integer({ min: 0, max: 400 }).map((index) => `node-${index}`), fc.constantFrom('', 'a', 'ab', 'a\\b', 'ü', ...ALIKE)); // prettier-ignore
  const step = fc.record({
    kind: fc.constantFrom('add' as const, 'add', 'remove', 'read', 'again'),
    list: fc.array(name, { maxLength: 400, size: 'max' }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20, size: 'max' }), (steps) => {
      const names = createNodeNames();
      const numbers = new Map<string, number>();
      const acts = {
        add: (list: readonly string[]) => list.forEach((one) => numbers.set(one, names.add(one))),
        remove: (list: readonly string[]) =>
          list.forEach((one) => {
            names.remove(one);
            numbers.delete(one);
          }),
        read: (list: readonly string[]) => expectRead(names, list),
        again: () => undefined,
      };
      for (const { kind, list } of steps) {
        const last = acts[kind](list) ?? list;
        expect(new Set(numbers.values()).size).toBe(numbers.size);
        expect([...names.ofAll(last)]).toEqual(last.map((one) => numbers.get(one) ?? -1));
        expect(list.map((one) => names.of(one))).toEqual(list.map((one) => numbers.get(one) ?? -1));
      }
    }),
    { numRuns: 300 },
  );
});

/** The plain ones of them are read; those. */
function expectRead(names: NodeNames, list: readonly string[]): readonly string[] | undefined {
  const plain = list.filter((one) => /^[ -~]*$/.test(one) && !one.includes('\\'));
  const text = plain.map((one) => JSON.stringify(one)).join(',');
  const read = names.read(Buffer.from(`${text}]}`));
  expect(read).toEqual(plain.length === 0 ? undefined : { names: plain, end: text.length });
  return read?.names;
}

test.each(['', 'a', '"a', '"a",', '"a",b', '"a\\"b"', '"a\u0001"', '"ü"', `"a"${',"a"'.repeat(20_000)}`])(
  'what is no list of plain names is not read (case %#)',
  (text) => {
    const names = createNodeNames();
    names.add('a');
    expect(names.read(Buffer.from(text))).toBeUndefined();
  },
);
