import { createReviewCache } from '../../../../scheduler-plugin/explain/review-cache.ts';

let now: number;
let asked: string[];
const cache = (most = 3) => createReviewCache<string>({ now: () => now, keepMs: 100, most });
const asks =
  (key: string, answer = key) =>
  (): Promise<string> => {
    asked.push(key);
    return Promise.resolve(answer);
  };
beforeEach(() => {
  now = 0;
  asked = [];
});

test('an answer is remembered for its time and no longer', async () => {
  const one = cache();
  await one.get('a', asks('a'));
  now = 99;
  await one.get('a', asks('a'));
  now = 100;
  await one.get('a', asks('a'));
  expect(asked).toEqual(['a', 'a']);
});

test('many that ask at once share one answer', async () => {
  const one = cache();
  expect(await Promise.all([one.get('a', asks('a')), one.get('a', asks('a')), one.get('b', asks('b'))])).toEqual(['a', 'a', 'b']);
  expect(asked).toEqual(['a', 'b']);
});

test('a failure is not remembered', async () => {
  const one = cache();
  await expect(one.get('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await one.get('a', asks('a'))).toBe('a');
});

test('the oldest are forgotten first, so a stranger cannot fill the memory', async () => {
  const one = cache();
  for (const key of ['a', 'b', 'c', 'd']) await one.get(key, asks(key));
  await one.get('b', asks('b'));
  await one.get('a', asks('a'));
  expect(asked).toEqual(['a', 'b', 'c', 'd', 'a']);
});
