import { dice } from '../oracle-cases.ts';
import { isHonest } from '../oracle.ts';
import { makeMixedCase, type MixedCase } from './cases.ts';
import { answers, type Found } from './oracle.ts';
import { type Answers, answersOf } from './world.ts';

/** 100,000 in `make soak`. */
const CASES = Number(process.env['PODVISOR_ORACLE_CASES'] ?? 20_000);
const SEED = 20261123;
const TIME_LIMIT_MS = 60_000 + CASES * 15;

const namesOf = ({ nodes }: MixedCase): readonly string[] => nodes.map(({ name }) => name);

interface Mistake {
  readonly kind: 'wrong' | 'missed' | 'dishonest';
  readonly node: string;
  readonly reason: string;
  readonly one: MixedCase;
}

/** Of each node what the extender says against what is true. */
function mistakesIn(one: MixedCase, truth: readonly Found[], extender: Answers): readonly Mistake[] {
  return extender.reasons(namesOf(one)).flatMap((reason, index): Mistake[] => {
    const node = one.nodes[index]!;
    const found = (kind: Mistake['kind']): Mistake[] => [{ kind, node: node.name, reason, one }];
    if (reason !== '') return truth[index]!.answer === 'yes' ? found('missed') : [];
    if (truth[index]!.answer === 'no') return found('wrong');
    const plan = node.told ? extender.plan(node.name) : undefined;
    return plan === undefined || isHonest(node.truth, one.question, plan) ? [] : found('dishonest');
  });
}

test(
  `${CASES} clusters of zones, functions and pools: each node is refused that has no way to take the VM, and no other`,
  () => {
    const roll = dice(SEED);
    const mistakes: Mistake[] = [];
    const counts = { yes: 0, no: 0, either: 0, byPoolsAlone: 0, byZonesAlone: 0 };
    for (let index = 0; index < CASES; index++) {
      const one = makeMixedCase(roll);
      const truth = answers(one, one.question);
      mistakes.push(...mistakesIn(one, truth, answersOf(one)));
      for (const { answer, zones, pools } of truth) {
        counts[answer] += 1;
        counts.byPoolsAlone += Number(zones && pools === 'no');
        counts.byZonesAlone += Number(!zones && pools !== 'no');
      }
    }
    expect({ mistakes: mistakes.length, first: mistakes[0] }).toEqual({ mistakes: 0, first: undefined });
    // The cases are no walk-over either way, and each part decides many alone.
    const most = { yes: CASES / 2, no: CASES / 2, byPoolsAlone: CASES / 10, byZonesAlone: CASES / 5 };
    for (const [key, least] of Object.entries(most)) expect(counts[key as keyof typeof counts]).toBeGreaterThan(least);
    expect(counts.either).toBeLessThan(CASES / 10);
  },
  TIME_LIMIT_MS,
);

test('more free pages and more room in pools never turn a yes into a no', () => {
  const roll = dice(SEED + 1);
  for (let index = 0; index < 1_000; index++) {
    const one = makeMixedCase(roll);
    const before = answersOf(one).reasons(namesOf(one));
    for (const change of [{ pages: true }, { gib: 1 + roll(5) }, { pages: true, gib: 1 + roll(5) }]) {
      const after = answersOf(one, change).reasons(namesOf(one));
      for (const [at, reason] of before.entries()) expect(reason !== '' || after[at] === '').toBe(true);
    }
  }
}, 60_000);

test('scores are integers from 0 to 10; neither they nor reasons depend on the order of the nodes', () => {
  const roll = dice(SEED + 2);
  let told = 0;
  for (let index = 0; index < 1_000; index++) {
    const one = makeMixedCase(roll);
    const names = namesOf(one);
    const [extender, other] = [answersOf(one), answersOf(one, { backwards: true })];
    const reasons = extender.reasons(names);
    expect(other.reasons(names.toReversed()).toReversed()).toEqual(reasons);
    const passed = names.filter((_, at) => reasons[at] === '');
    const scores = extender.scores(passed);
    expect(scores).toHaveLength(passed.length);
    for (const score of scores) expect(Number.isInteger(score) && score >= 0 && score <= 10).toBe(true);
    expect(other.scores(passed.toReversed()).toReversed()).toEqual(scores);
    told += Number(new Set(scores).size > 1);
  }
  expect(told).toBeGreaterThan(100);
}, 60_000);
