import { createBudget } from '../../../webhooks/publish/budget.ts';

test('a burst, then one per refill, and a full burst again after a rest', () => {
  const budget = createBudget({ burst: 2, refillMs: 1000 });
  expect([budget.take(0), budget.take(0), budget.take(0), budget.take(400)]).toEqual([0, 0, 1000, 600]);
  expect([budget.take(1000), budget.take(1000)]).toEqual([0, 1000]);
  expect([budget.take(9000), budget.take(9000), budget.take(9000)]).toEqual([0, 0, 1000]);
});
