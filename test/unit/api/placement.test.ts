import { PLACEMENT_PREFIX } from '../../../api/annotations.ts';
import { parsePlacement } from '../../../api/parse-placement.ts';
import { DEFAULT_WEIGHTS, isWish, readWish } from '../../../api/placement.ts';
import { vmPod } from '../../build/pod.ts';

it.each(['require', 'ignore', 'prefer', 'prefer=1', 'prefer=10'])('%s is a wish', (text) => {
  expect(isWish(text)).toBe(true);
});
it.each(['', 'Require', 'prefer=', 'prefer=0', 'prefer=11', 'prefer=1.5', 'prefer=-1', ' ignore', 'require\n'])(
  '%j is none',
  (text) => {
    expect(isWish(text)).toBe(false);
  },
);

it.each([
  ['nothing', undefined, { mode: 'prefer', weight: DEFAULT_WEIGHTS.numa, said: false }],
  ['a preference', 'prefer', { mode: 'prefer', weight: DEFAULT_WEIGHTS.numa, said: true }],
  ['a weight', 'prefer=7', { mode: 'prefer', weight: 7, said: true }],
  ['a requirement', 'require', { mode: 'require', weight: DEFAULT_WEIGHTS.numa, said: true }],
  ['indifference', 'ignore', { mode: 'ignore', weight: 0, said: true }],
] as const)('reads %s', (_title, text, wish) => {
  expect(readWish('numa', text)).toEqual(wish);
});

it('keeps in the GuestSpec what the pod says, and nothing when it says nothing', () => {
  const pod = vmPod({ annotations: { [`${PLACEMENT_PREFIX}numa`]: 'require', [`${PLACEMENT_PREFIX}image`]: 'prefer=3' } });
  expect(parsePlacement(pod)).toEqual({ value: { placement: { numa: 'require', image: 'prefer=3' } }, violations: [] });
  expect(parsePlacement(vmPod({}))).toEqual({ value: {}, violations: [] });
});
