import fc from 'fast-check';
import { didYouMean, editDistance, nearest } from '../../../api/nearest.ts';

describe('editDistance counts', () => {
  it.each<[string, string, number]>([
    ['', '', 0],
    ['boot', 'boot', 0],
    ['', 'boot', 4],
    ['bot', 'boot', 1],
    ['booot', 'boot', 1],
    ['beot', 'boot', 1],
    ['obot', 'boot', 1],
    ['kitten', 'sitting', 3],
  ])('%j to %j: %d', (a, b, edits) => {
    expect(editDistance(a, b)).toBe(edits);
    expect(editDistance(b, a)).toBe(edits);
  });

  it('never less than the difference in length, never more than the longer text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (a, b) => {
        const edits = editDistance(a, b);
        return edits >= Math.abs(a.length - b.length) && edits <= Math.max(a.length, b.length) && (edits === 0) === (a === b);
      }),
    );
  });
});

describe('nearest finds', () => {
  const names = ['boot', 'container', 'cpu-model', 'cpu-features'];
  it.each<[string, string | undefined]>([
    ['boto', 'boot'],
    ['BOOT', 'boot'],
    ['contianer', 'container'],
    ['cpumodel', 'cpu-model'],
    ['wallpaper', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ])('for %j', (typed, expected) => expect(nearest(typed, names)).toBe(expected));

  it('words for a message', () => {
    expect(didYouMean('boto', names)).toBe(" (did you mean 'boot'?)");
    expect(didYouMean('zzz', names)).toBe('');
  });
});
