import { createReviewer } from '../../../../scheduler-plugin/explain/reviews.ts';
import { createFakeKube } from '../../../build/fake-kube.ts';

const clock = { now: () => 0 };

test('what strangers make us ask the API server is bounded: the eleventh at once is sent away, and later asked for', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const create = <T>(): Promise<T> => held.then(() => ({ status: { authenticated: false } }) as T);
  const reviewer = createReviewer({ client: { ...createFakeKube().client, create }, clock });
  const first = Array.from({ length: 10 }, (_, index) => reviewer.whose(`token-${index}`));
  await expect(reviewer.whose('token-10')).rejects.toThrow('too many ask at once');
  release();
  expect(await Promise.all(first)).toEqual(Array.from({ length: 10 }, () => undefined));
  expect(await reviewer.whose('token-10')).toBeUndefined();
});

test('a token that the API server calls good but says nobody of is nobody', async () => {
  const create = <T>(): Promise<T> => Promise.resolve({ status: { authenticated: true, user: {} } } as T);
  const reviewer = createReviewer({ client: { ...createFakeKube().client, create }, clock });
  expect(await reviewer.whose('token')).toBeUndefined();
});
