import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The list of what admission (W) and isolation (T) must survive, of which every row is shown by a test whose name begins with its number.
 * docs/security.md says what each number is.
 */
const range = (letter: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${letter}${from + index}`);
const ALL = [...range('W', 1, 30), ...range('T', 1, 12), ...range('T', 19, 27)];

const root = import.meta.dirname.replace(/\/unit$/, '');

/** Numbers at the beginning of a name: `'W18, W20: they rotate …'`. */
function numbersIn(source: string): string[] {
  const names = source.matchAll(/['"`]((?:[WT]\d+, )*[WT]\d+): /g);
  return [...names].flatMap(([, numbers = '']) => numbers.split(', '));
}

const shown = new Set(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => numbersIn(readFileSync(join(root, file), 'utf8'))),
);

test('every number has a test', () => {
  expect(ALL.filter((number) => !shown.has(number))).toEqual([]);
});

test('no test has a number nobody knows', () => {
  expect([...shown].filter((number) => !ALL.includes(number))).toEqual([]);
});

test('docs/security.md names every number', () => {
  const text = readFileSync(join(root, '../docs/security.md'), 'utf8');
  expect(ALL.filter((number) => !text.includes(`| ${number} |`))).toEqual([]);
});
