import { runInNewContext } from 'node:vm';
import { asciiOnly } from '../../../dev/bundle/ascii-only.ts';

it.each([
  ['a regular expression keeps its meaning', '/^(ns|us|µs|ms)$/.test("µs")', true],
  ['with surrogate pairs and flag u as well', '/^😀$/u.test("😀")', true],
  ['in a class too', '/^[α-ω]+$/.test("λ")', true],
  ['and text as it was', '"… µ 😀"', '… µ 😀'],
])('%s', (_title, program, expected) => {
  const made = asciiOnly(program);
  expect(made).toMatch(/^[\0-\x7f]*$/);
  expect(runInNewContext(made)).toBe(expected);
});
