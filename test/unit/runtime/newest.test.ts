import fc from 'fast-check';
import { keepNewest } from '../../../runtime/newest.ts';

function kept(keys: readonly string[], most: number): readonly string[] {
  const map = new Map<string, number>();
  keys.forEach((key, value) => keepNewest(map, key, value, most));
  return [...map.keys()];
}

it.each<[string, string, string]>([
  ['all, as long as there is room', 'a b c', 'a b c'],
  ['the oldest goes first', 'a b c d', 'b c d'],
  ['what is set again is the newest', 'a b c a', 'b c a'],
  ['and outlives what was not', 'a b c a d e', 'a d e'],
])('%s', (_, keys, expected) => expect(kept(keys.split(' '), 3).join(' ')).toBe(expected));

it('an empty key is one like any other', () => expect(kept(['', 'a', 'b', 'c'], 3)).toEqual(['a', 'b', 'c']));

it('what is set again has the new value', () => {
  const map = new Map([['a', 1]]);
  keepNewest(map, 'a', 2, 1);
  expect([...map]).toEqual([['a', 2]]);
});

it('keeps exactly the last different keys', () => {
  const keys = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'));
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 4 }), (all, most) => {
      const newestFirst = [...new Set(all.toReversed())];
      expect(kept(all, most)).toEqual(newestFirst.slice(0, most).toReversed());
    }),
  );
});
