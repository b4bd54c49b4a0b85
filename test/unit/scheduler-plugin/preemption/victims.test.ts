import { type Budget, budgetOf, type BudgetObject, violating } from '../../../../scheduler-plugin/preemption/budgets.ts';
import { chooseVictims, type VictimQuestion } from '../../../../scheduler-plugin/preemption/victims.ts';
import { boundVm } from '../../../build/bound-vm.ts';

const NOW = 10_000_000_000;
const seconds = NOW / 1000;

/** Of priority 10, asking for a CPU; the scheduler proposes nobody. */
const question = (fields: Partial<VictimQuestion>): VictimQuestion => ({
  priority: 10,
  requests: { cpu: 1 },
  proposed: { uids: [], violations: 0 },
  isChoosy: false,
  there: [],
  lost: [],
  budgets: [],
  now: NOW,
  fits: () => false,
  ...fields,
});
const needs =
  (...uids: readonly string[]) =>
  (gone: ReadonlySet<string>): boolean =>
    uids.every((uid) => gone.has(uid));
const any =
  (...uids: readonly string[]) =>
  (gone: ReadonlySet<string>): boolean =>
    uids.some((uid) => gone.has(uid));
const proposed = (...uids: readonly string[]) => ({ uids, violations: 0 });
const cpu = (amount: number) => ({ requests: { cpu: amount } });
const evict = (...uids: readonly string[]) => ({ uids, violations: 0 });
const protecting = (label: string, allowed = 0): Budget => {
  return { namespace: 'team', allowed, selects: (labels) => labels[label] !== undefined };
};

const CASES: Record<string, [Partial<VictimQuestion>, ReturnType<typeof chooseVictims>]> = {
  'the one VM without which there is room goes': [{ there: [boundVm('a'), boundVm('b')], fits: needs('b') }, evict('b')],
  'of two that would both do, the less important goes': [{ there: [boundVm('a', { priority: 1 }), boundVm('b', { priority: 2 })], fits: any('a', 'b') }, evict('a')],
  'of two of one priority, the one that started later goes': [{ there: [boundVm('a', {}, { since: 5 }), boundVm('b', {}, { since: 9 })], fits: any('a', 'b') }, evict('b')],
  'several go together, the most important first': [{ there: [boundVm('a', { priority: 1 }), boundVm('b', { priority: 3 }), boundVm('c')], fits: needs('a', 'b') }, evict('b', 'a')],
  'nobody goes when not even all together make room': [{ there: [boundVm('a'), boundVm('b')] }, 'hopeless'],
  'nobody goes for a VM of its own priority': [{ there: [boundVm('a', { priority: 10 })], fits: needs('a') }, 'hopeless'],
  'nobody goes for a VM of a lower priority': [{ there: [boundVm('a', { priority: 11 })], fits: needs('a') }, 'hopeless'],
  'a VM that nothing is known of is let be': [{ there: [{ ...boundVm('a'), standing: undefined as never }], fits: needs('a') }, 'hopeless'],
  'nobody goes when there is room by now': [{ there: [boundVm('a')], fits: () => true }, 'waits'],
  'nobody goes when one that is leaving makes room': [{ there: [boundVm('a', {}, { leavesBy: seconds + 30 }), boundVm('b')], fits: any('a', 'b') }, 'waits'],
  'one that is leaving counts whatever its priority': [{ there: [boundVm('a', { priority: 99 }, { leavesBy: seconds })], fits: needs('a') }, 'waits'],
  'one that should have left a minute ago is not waited for': [{ there: [boundVm('a', { priority: 99 }, { leavesBy: seconds - 61 }), boundVm('b')], fits: any('a', 'b') }, evict('b')],
  'one that is leaving is no victim, only the other is': [{ there: [boundVm('a', {}, { leavesBy: seconds + 30 }), boundVm('b')], fits: needs('a', 'b') }, evict('b')],
  'nobody goes when a VM whose pod is gone makes room once the report says so': [{ there: [boundVm('b')], lost: ['a'], fits: any('a', 'b') }, 'waits'],
  'a choice of the scheduler that is enough stays as it is': [{ proposed: { uids: ['plain', 'a'], violations: 2 }, there: [boundVm('a'), boundVm('b')], fits: needs('a') }, { uids: ['plain', 'a'], violations: 2 }],
  'a choice that would be for nothing is replaced by a VM that frees as much': [{ proposed: proposed('a'), there: [boundVm('a', cpu(2)), boundVm('b', cpu(2))], fits: needs('b') }, evict('b')],
  'a choice that frees more of what is asked for stays, and the other goes too': [{ proposed: proposed('a'), there: [boundVm('a', cpu(2)), boundVm('b', cpu(1))], fits: needs('b') }, evict('a', 'b')],
  'what the VM does not ask for need not be freed': [{ proposed: proposed('a'), there: [boundVm('a', { requests: { gpu: 1 } }), boundVm('b')], fits: needs('b') }, evict('b')],
  'a choice for a VM with rules about its neighbours stays': [{ isChoosy: true, proposed: proposed('a'), there: [boundVm('a'), boundVm('b')], fits: needs('b') }, evict('a', 'b')],
  'a chosen VM that repels others stays chosen': [{ proposed: proposed('a'), there: [boundVm('a', { repels: true }), boundVm('b')], fits: needs('b') }, evict('a', 'b')],
  'a chosen pod that is no VM stays chosen, first in the list': [{ proposed: { uids: ['plain', 'a'], violations: 1 }, there: [boundVm('a'), boundVm('b')], fits: needs('b') }, { uids: ['plain', 'b'], violations: 1 }],
  'a chosen pod that is no VM is spared when nothing helps': [{ proposed: proposed('plain'), there: [boundVm('a')] }, 'hopeless'],
  'a choice that is leaving already is waited for': [{ proposed: proposed('a'), there: [boundVm('a', {}, { leavesBy: seconds + 30 })], fits: needs('a') }, 'waits'],
  'a VM that a budget protects is let off first': [{ there: [boundVm('a', { priority: 1 }), boundVm('b', { labels: { db: '1' } })], fits: any('a', 'b'), budgets: [protecting('db')] }, evict('a')],
  'a VM that a budget protects goes when nobody else helps, and is counted': [{ there: [boundVm('a'), boundVm('b', { labels: { db: '1' } })], fits: needs('b'), budgets: [protecting('db')] }, { uids: ['b'], violations: 1 }],
  'as many go uncounted as a budget allows': [{ there: [boundVm('a', { labels: { db: '1' } }), boundVm('b', { labels: { db: '1' } })], fits: needs('a', 'b'), budgets: [protecting('db', 1)] }, { uids: ['a', 'b'], violations: 1 }],
}; // prettier-ignore

test.each(Object.entries(CASES))('%s', (_title, [fields, expected]) => {
  expect(chooseVictims(question(fields))).toEqual(expected);
});

describe('budgetOf', () => {
  const budget = (selector: NonNullable<BudgetObject['spec']>['selector'] | undefined, disruptionsAllowed?: number) =>
    budgetOf({
      metadata: { namespace: 'team' },
      spec: selector === undefined ? {} : { selector },
      status: disruptionsAllowed === undefined ? {} : { disruptionsAllowed },
    });
  const expression = (operator: string, ...values: string[]) => ({ matchExpressions: [{ key: 'app', operator, values }] });

  it.each([
    ['labels that are equal', { matchLabels: { app: 'db' } }, true],
    ['labels that differ', { matchLabels: { app: 'web' } }, false],
    ['In', expression('In', 'db', 'x'), true],
    ['In others', expression('In', 'x'), false],
    ['NotIn', expression('NotIn', 'db'), false],
    ['NotIn others', expression('NotIn', 'x'), true],
    ['Exists', expression('Exists'), true],
    ['DoesNotExist', expression('DoesNotExist'), false],
    ['an operator of tomorrow', expression('Like', 'db'), false],
  ])('selects by %s', (_title, selector, expected) => {
    expect(budget(selector)?.selects({ app: 'db' })).toBe(expected);
  });

  it('selects nothing without a selector, as for the scheduler', () => {
    expect([budget(undefined), budget({})]).toEqual([undefined, undefined]);
  });

  it('allows nothing before its controller has spoken', () => {
    expect(budget({ matchLabels: { app: 'db' } })?.allowed).toBe(0);
  });

  it('is for its own namespace', () => {
    const vms = [boundVm('a', { labels: { db: '1' } }), boundVm('b', { labels: { db: '1' }, namespace: 'other' })];
    expect([...violating(vms, [protecting('db')])]).toEqual(['a']);
  });
});
