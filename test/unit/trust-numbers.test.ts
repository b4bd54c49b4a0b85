import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The list of what admission (W) and isolation (T) must survive, of which every row is shown by a test whose name begins with its number, or is
 * below with the reason. docs/security.md says what each number is.
 */
const range = (letter: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${letter}${from + index}`);
const ALL = [...range('W', 1, 30), ...range('T', 1, 12), ...range('T', 19, 25)];

const NOT_SHOWN: Readonly<Record<string, string>> = {
  W8: "the local cluster's CNI plugins are files on the nodes, not pods that could be deleted",
  T5: 'no controller reads a pod by its labels yet; agent and extender match by the kubelet and by UID',
  T23: 'a guest that uses all it was given is part of bench/overhead; limits of processes and files are the kubelet’s',
};

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

test('every number has a test or a reason', () => {
  expect(ALL.filter((number) => !shown.has(number) && NOT_SHOWN[number] === undefined)).toEqual([]);
});

test('no number has both, and none is unknown', () => {
  expect(Object.keys(NOT_SHOWN).filter((number) => shown.has(number))).toEqual([]);
  expect([...shown].filter((number) => !ALL.includes(number))).toEqual([]);
});

test('docs/security.md names every number', () => {
  const text = readFileSync(join(root, '../docs/security.md'), 'utf8');
  expect(ALL.filter((number) => !text.includes(`| ${number} |`))).toEqual([]);
});
