import fc from 'fast-check';
import { backoffMs } from '../../../runtime/backoff.ts';

const BACKOFF = { baseMs: 100, maxMs: 1000 };

it.each([
  ['no wait before the first failure', 0, 0],
  ['the base after one failure', 1, 100],
  ['twice the base after two', 2, 200],
  ['at most the maximum', 5, 1000],
  ['at most the maximum after very many', 5000, 1000],
])('%s', (_, failures, expected) => expect(backoffMs(failures, BACKOFF, () => 0)).toBe(expected));

it('jitter never takes more than half away', () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), chance, (failures, random) => {
      const full = backoffMs(failures, BACKOFF, () => 0);
      const got = backoffMs(failures, BACKOFF, () => random);
      return got >= full / 2 && got <= full;
    }),
  );
});
