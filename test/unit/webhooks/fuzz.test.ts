import { CORPUS, fuzzCase } from '../../fuzz/cases.ts';
import type { FuzzCase } from '../../fuzz/cases.ts';
import { objection, startTarget } from '../../fuzz/check.ts';
import type { Target } from '../../fuzz/check.ts';
import { createRng } from '../../fuzz/random.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.close());

const checked = async (one: FuzzCase): Promise<string> => objection(one, await target.ask(one));

test.each(Object.entries(CORPUS))('W25: %s is answered, by both webhooks', async (_, body) => {
  expect([await checked({ webhook: 'mutate', body }), await checked({ webhook: 'validate', body })]).toEqual(['', '']);
});

test('T20: 1,500 damaged reviews of a fixed seed are answered by a valid response or a 4xx (make fuzz runs ten minutes of others)', async () => {
  const rng = createRng(4);
  for (let index = 0; index < 1500; index++) {
    const one = fuzzCase(rng);
    const reason = await checked(one);
    if (reason !== '') throw new Error(`case ${index}: ${reason}\n${one.body.slice(0, 2000)}`);
  }
}, 60_000);
