import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { nodeReason } from '../../../scheduler-plugin/node-reason.ts';
import { createReportReader } from '../../../scheduler-plugin/placement/report-facts.ts';
import { roomOf } from '../../../scheduler-plugin/placement/room.ts';
import { claims, node, wanted } from '../../build/placement.ts';
import { dice, makeCase } from './oracle-cases.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PAGE = readFileSync(join(ROOT, 'docs/reference/reasons.md'), 'utf8');
/** The reasons of the page, as patterns. */
const ROWS = PAGE.split('\n').flatMap((line) => {
  const [, first = ''] = /^\| (`.*?`) \| /.exec(line) ?? [];
  return [...first.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
});
const patternOf = (text: string): RegExp => {
  const parts = text.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
};
const PATTERNS = ROWS.map(patternOf);
const isThere = (reason: string): boolean => PATTERNS.some((pattern) => pattern.test(reason));

/** Files whose texts of several words are reasons, all of them. */
const FILES = [
  'node-reason',
  'filter',
  'bind',
  'placement/checks',
  'placement/refusals',
  'placement/trials',
  'storage/ask',
  'storage/attach',
];

/** Fixed parts of the texts in a file, as its syntax tree has them: comments are none. */
function phrasesIn(file: string): string[] {
  const text = readFileSync(join(ROOT, 'scheduler-plugin', `${file}.ts`), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (at: ts.Node): void => {
    const isText =
      ts.isStringLiteral(at) ||
      ts.isNoSubstitutionTemplateLiteral(at) ||
      ts.isTemplateHead(at) ||
      ts.isTemplateMiddle(at) ||
      ts.isTemplateTail(at);
    if (isText && at.text.trim().split(/\s+/).length >= 3) found.push(at.text.trim());
    at.forEachChild(visit);
  };
  visit(source);
  return found;
}

test.each(FILES)('every text of %s is in the reference of reasons', (file) => {
  expect(phrasesIn(file).filter((phrase) => !PAGE.includes(phrase))).toEqual([]);
});

test('the reading finds texts at all', () => {
  expect(phrasesIn('placement/checks')).toContain('its kubelet does not list the boot image, and the guest requires it there');
  expect(ROWS.length).toBeGreaterThan(30);
});

test('each reason of 5,000 cases matches a row of the reference', () => {
  const roll = dice(7);
  const reasons = new Set<string>();
  for (let count = 0; count < 5_000; count++) {
    const { report, question } = makeCase(roll);
    const { kind: memory, amount, cells, vcpus, dedicated, vfs: functions, hugepages, numa, sriov } = question;
    const said = { hugepages, numa, sriov };
    const wishes = Object.fromEntries(Object.entries(said).filter((pair): pair is [string, string] => pair[1] !== undefined));
    const guest = wanted({ memory, amount, cells, cpus: dedicated ? vcpus : 0, functions }, wishes);
    const room = roll(10) === 0 ? undefined : roomOf(createReportReader()(report), [], new Set());
    reasons.add(nodeReason(guest, node(), claims(room)));
  }
  reasons.delete('');
  expect(reasons.size).toBeGreaterThan(500);
  expect([...reasons].filter((reason) => !isThere(reason))).toEqual([]);
});

test('a reason that is not in it would be found', () => {
  expect(isThere('the moon is in the wrong place')).toBe(false);
});
