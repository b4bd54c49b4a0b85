import { nodeReason } from '../../../scheduler-plugin/node-reason.ts';
import { createLedger } from '../../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../../scheduler-plugin/placement/report-facts.ts';
import type { Plan } from '../../../api/placement-plan.ts';
import type { Room } from '../../../scheduler-plugin/placement/room.ts';
import { bestFit } from '../../../scheduler-plugin/placement/rules.ts';
import { nodeScores } from '../../../scheduler-plugin/score.ts';
import { claims, node } from '../../build/placement.ts';
import { isHonest, possible } from './oracle.ts';
import { ask, book, type Case, dice, larger, makeCase } from './oracle-cases.ts';

const CASES = 100_000;
const SEED = 20261121;

/** The room as the extender comes to know it: pods seen by the watch, reservations, and a report at some time between. */
function roomOfCase({ report, vms }: Case): Room {
  const ledger = createLedger();
  ledger.setReport('a', createReportReader()(report));
  for (const one of vms) book(ledger, one);
  return ledger.room('a')!;
}

type Verdict = 'right' | 'wrong' | 'missed';

function verdictOn(one: Case, fits: boolean, plan: Plan | undefined): Verdict {
  const isPossible = possible(one.truth, one.question);
  if (!fits) return isPossible ? 'missed' : 'right';
  return isPossible && plan !== undefined && isHonest(one.truth, one.question, plan) ? 'right' : 'wrong';
}

test(`${CASES} cases: what is refused has no way to fit, what is taken has one, and no plan takes what is not there`, () => {
  const roll = dice(SEED);
  const mistakes: { one: Case; verdict: Verdict }[] = [];
  const counts = { yes: 0, no: 0, together: 0 };
  for (let index = 0; index < CASES; index++) {
    const one = makeCase(roll);
    const guest = ask(one.question);
    const room = roomOfCase(one);
    const fits = nodeReason(guest, node(), claims(room)) === '';
    const verdict = verdictOn(one, fits, bestFit(guest, room)?.plan);
    if (verdict !== 'right') mistakes.push({ one, verdict });
    counts[fits ? 'yes' : 'no'] += 1;
    counts.together += Number(fits && one.question.numa === 'require');
  }
  expect({ mistakes: mistakes.length, first: mistakes[0] }).toEqual({ mistakes: 0, first: undefined });
  // The cases are no walk-over either way.
  expect(Math.min(counts.yes, counts.no)).toBeGreaterThan(CASES / 5);
  expect(counts.together).toBeGreaterThan(CASES / 20);
}, 120_000);

test('more free pages never turn a yes into a no', () => {
  const roll = dice(SEED + 1);
  for (let index = 0; index < 5_000; index++) {
    const one = makeCase(roll);
    const guest = ask(one.question);
    const before = nodeReason(guest, node(), claims(roomOfCase(one)));
    const after = nodeReason(guest, node(), claims(roomOfCase({ ...one, report: larger(one.report) })));
    expect(before !== '' || after === '').toBe(true);
  }
}, 60_000);

test('scores are integers from 0 to 10, and do not depend on the order of the nodes', () => {
  const roll = dice(SEED + 2);
  for (let index = 0; index < 1_000; index++) {
    const guest = ask(makeCase(roll).question);
    const nodes = Array.from({ length: 1 + roll(8) }, (_, at) => {
      const one = makeCase(roll);
      const { cpu } = createReportReader()(one.report);
      const fit = roll(5) === 0 ? undefined : bestFit(guest, roomOfCase(one));
      return { name: `node-${at}`, fit, cpu, vms: roll(40), hasImage: roll(2) === 0 };
    });
    const { totals } = nodeScores(guest, nodes);
    for (const total of totals) expect(Number.isInteger(total) && total >= 0 && total <= 10).toBe(true);
    expect(nodeScores(guest, nodes.toReversed()).totals.toReversed()).toEqual(totals);
  }
}, 60_000);
