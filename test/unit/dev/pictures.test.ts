import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { type Card, description, draw, type Picture } from '../../../dev/pictures/cards.ts';
import { GUIDE_PICTURES } from '../../../dev/pictures/guide.ts';
import { wrapped } from '../../../dev/pictures/svg.ts';

const card = (fields: Partial<Card> = {}): Card => ({ title: 'small', fits: true, text: '', meters: [], ...fields });
const picture = (...cards: readonly Card[]): Picture => ({ title: 'Pages', cards, key: [['free', 'free']] });
/** The numbers of an attribute of all shapes with this attribute's value, as `fill="#fff"`. */
const numbers = (drawn: string, look: string, attribute: string): readonly number[] =>
  drawn
    .split('\n')
    .filter((line) => line.includes(look))
    .map((line) => Number(new RegExp(` ${attribute}="([^"]*)"`).exec(line)?.[1]));

const GREEN = 'fill="#2a9d5c" stroke';
const DASHED = 'stroke-dasharray';

test('a bar is as long as its amount, the next begins where it ends, and what would be needed begins at the left', () => {
  const parts = [{ kind: 'guest', amount: 25, text: '25' }, { kind: 'guest', amount: 50, text: '50' }] as const; // prettier-ignore
  const drawn = draw(picture(card({ meters: [{ label: 'zone 0', whole: 100, parts, needed: 100, note: '' }] })));
  const [first, second] = numbers(drawn, GREEN, 'x');
  const widths = numbers(drawn, GREEN, 'width');
  expect(widths).toEqual([97.5, 195]);
  expect(second).toBe(first! + widths[0]!);
  expect([numbers(drawn, DASHED, 'x'), numbers(drawn, DASHED, 'width')]).toEqual([[first], [390]]);
});

test('a bar beyond the whole is cut off, one of nothing is not drawn, and a text without room is left out', () => {
  const meter = { label: '', whole: 10, note: '' };
  const parts = [{ kind: 'guest', amount: 1_000, text: 'long' }, { kind: 'guest', amount: 5, text: 'beyond' }] as const; // prettier-ignore
  const drawn = draw(
    picture(
      card({
        meters: [
          { ...meter, parts },
          { ...meter, parts: [{ kind: 'guest', amount: 0, text: '' }] },
          { ...meter, parts: [{ kind: 'guest', amount: 0.1, text: 'narrow' }] },
        ],
      }),
    ),
  );
  expect(numbers(drawn, GREEN, 'width')).toEqual([390, 3.9]);
  expect(drawn).toContain('>long<');
  expect(drawn).not.toMatch(/beyond|narrow/);
});

test('title and description say what is seen, and no text breaks the markup', () => {
  const one = picture(card({ title: 'a < b & c > d', text: 'no room' }), card());
  expect(description(one)).toBe('Pages. a < b & c > d: no room. small');
  const drawn = draw(one);
  expect(drawn).toContain('<title id="title">Pages</title>');
  expect(drawn).toContain('<desc id="description">Pages. a &lt; b &amp; c &gt; d: no room. small</desc>');
});

test('any text is wrapped without losing a word, and a line is too long only when it is one word', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { maxLength: 30, size: 'max' });
  fc.assert(
    fc.property(words, fc.integer({ min: 5, max: 40 }), (list, most) => {
      const lines = wrapped(list.join(' '), most);
      expect(lines.join(' ')).toBe(list.join(' '));
      expect(lines.filter((line) => line.length > most && line.includes(' '))).toEqual([]);
    }),
  );
});

describe.each(Object.entries(GUIDE_PICTURES))('the picture %s of the guide', (name, make) => {
  it('is below 10 kB', () => {
    expect(Buffer.byteLength(draw(make()))).toBeLessThan(10_000);
  });

  it('is shown there, and its alt text says what is seen', () => {
    const guide = readFileSync(new URL('../../../docs/placement.md', import.meta.url), 'utf8');
    expect(guide).toContain(`![${description(make())}](images/placement-${name}.svg)`);
  });
});
