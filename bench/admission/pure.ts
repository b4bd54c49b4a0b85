import { decideMutate, decideValidate } from '../../webhooks/server/decide.ts';
import { readReview } from '../../webhooks/server/review.ts';

const CONTEXT = { launcherImage: 'localhost/podvisor/launcher:dev', accelerators: { kvm: false, tcg: true }, attachments: {} };

/** Median microseconds of the decision alone, from a parsed body to patch operations, over batches of a warm process. */
export function pureMicroseconds(body: string, webhook: 'mutate' | 'validate'): number {
  const parsed: unknown = JSON.parse(body);
  const decide = webhook === 'mutate' ? decideMutate : decideValidate;
  const once = (): void => {
    const review = readReview(parsed);
    if (!review.ok || decide(review.request, CONTEXT).message !== undefined) throw new Error('the benchmark’s pod was refused');
  };
  for (let round = 0; round < 3000; round++) once();
  const batches = Array.from({ length: 60 }, () => {
    const start = performance.now();
    for (let round = 0; round < 50; round++) once();
    return ((performance.now() - start) * 1000) / 50;
  });
  return batches.sort((a, b) => a - b)[30] ?? Number.NaN;
}
