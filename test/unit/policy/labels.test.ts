import fc from 'fast-check';
import type { LabelSelector } from '../../../api/policy-parts.ts';
import { mayOverlap, selects } from '../../../policy/labels.ts';

const one = (key: string, operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', values?: string[]): LabelSelector => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
});

test.each<[string, LabelSelector | undefined, Record<string, string>, boolean]>([
  ['no selector selects all', undefined, {}, true],
  ['an empty one too', {}, { a: 'b' }, true],
  ['equality', { matchLabels: { a: 'b' } }, { a: 'b', c: 'd' }, true],
  ['equality with a missing label', { matchLabels: { a: '' } }, {}, false],
  ['In', one('a', 'In', ['b', 'c']), { a: 'c' }, true],
  ['NotIn of a missing label', one('a', 'NotIn', ['b']), {}, true],
  ['NotIn', one('a', 'NotIn', ['b']), { a: 'b' }, false],
  ['Exists', one('a', 'Exists'), { a: '' }, true],
  ['DoesNotExist', one('a', 'DoesNotExist'), { a: '' }, false],
  ['every requirement counts', { matchLabels: { a: 'b' }, ...one('c', 'Exists') }, { a: 'b' }, false],
  ['a name every object has', one('constructor', 'Exists'), {}, false],
])('selects: %s', (_, selector, labels, expected) => expect(selects(selector, labels)).toBe(expected));

test.each<[string, LabelSelector | undefined, LabelSelector | undefined, boolean]>([
  ['all and some', undefined, { matchLabels: { a: 'b' } }, true],
  ['other values of one label', { matchLabels: { a: 'b' } }, { matchLabels: { a: 'c' } }, false],
  ['different labels', { matchLabels: { a: 'b' } }, { matchLabels: { c: 'd' } }, true],
  ['a value and its exclusion', { matchLabels: { a: 'b' } }, one('a', 'NotIn', ['b']), false],
  ['presence and absence', one('a', 'Exists'), one('a', 'DoesNotExist'), false],
  ['lists that share a value', one('a', 'In', ['b', 'c']), one('a', 'In', ['c', 'd']), true],
  ['two exclusions', one('a', 'NotIn', ['b']), one('a', 'NotIn', ['c']), true],
  ['presence and an exclusion', one('a', 'Exists'), one('a', 'NotIn', ['b']), true],
])('may overlap: %s', (_, a, b, expected) => {
  expect(mayOverlap(a, b)).toBe(expected);
  expect(mayOverlap(b, a)).toBe(expected);
});

test('labels that meet two selectors prove that they may overlap', () => {
  const value = fc.constantFrom('x', 'y', 'z');
  const requirement = fc.record({
    key: fc.constantFrom('a', 'b'),
    operator: fc.constantFrom('In' as const, 'NotIn' as const, 'Exists' as const, 'DoesNotExist' as const),
    values: fc.uniqueArray(value, { minLength: 1 }),
  });
  const selector = fc.record({ matchExpressions: fc.array(requirement, { maxLength: 3 }) });
  const labels = fc.dictionary(fc.constantFrom('a', 'b'), value, { noNullPrototype: true });
  fc.assert(
    fc.property(selector, selector, labels, (a, b, both) => {
      if (selects(a, both) && selects(b, both)) expect(mayOverlap(a, b)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
