import { createRefusals } from '../../../scheduler-plugin/placement/refusals.ts';
import { createTrials } from '../../../scheduler-plugin/placement/trials.ts';

const pod = (name: string, owner = 'rs') => ({ uid: `uid-${name}`, owner });
const many = (count: number) => Array.from({ length: count }, (_, index) => pod(String(index)));

function rig(refused = 0) {
  const counted = { refused };
  const trials = createTrials(() => counted.refused);
  const begun = (count: number, now = 0): number => many(count).filter((one) => trials.begin(one, now) === '').length;
  return { trials, begun, counted };
}

test('of a controller nothing is known of four pods are tried; asked again for one of them it is still yes', () => {
  const { trials, begun } = rig();
  expect([begun(10), trials.begin(pod('2'), 1), trials.begin(pod('other', 'other'), 1)]).toEqual([4, '', '']);
});

test('pods that a person made are never held back', () => {
  const { trials } = rig();
  expect(many(50).map(({ uid }) => trials.begin({ uid, owner: uid }, 0))).toEqual(many(50).map(() => ''));
});

test('when a kubelet has accepted one, all may go', () => {
  const { trials, begun } = rig();
  begun(4);
  trials.seen(pod('0'), 'accepted', 1);
  expect(begun(50)).toBe(50);
});

test.each([
  ['one was refused', 1, 3],
  ['three were refused', 3, 1],
  ['four were refused', 4, 0],
])('%s lately: as many fewer are tried, accepted ones or not', (_what, refused, expected) => {
  const { trials, begun, counted } = rig();
  begun(4);
  for (const name of ['0', '1', '2', '3']) trials.seen(pod(name), 'accepted', 1);
  counted.refused = refused;
  expect(['4', '5', '6', '7', '8'].filter((name) => trials.begin(pod(name), 2) === '')).toHaveLength(expected);
  expect(begun(0)).toBe(0);
});

test('pods that the watch shows bound at a start of ours count; a kubelet that stays silent for half a minute does not hold up others', () => {
  const { trials } = rig();
  for (const one of many(4)) trials.seen(one, 'none', 0);
  expect(trials.begin(pod('new'), 29_999)).toMatch(/4 wait for a kubelet to accept them/);
  expect(trials.begin(pod('new'), 30_000)).toBe('');
});

test('one that was not bound makes room for another', () => {
  const { trials, begun } = rig();
  begun(4);
  trials.drop(pod('1'));
  expect([trials.begin(pod('new'), 1), trials.begin(pod('newer'), 1) === '']).toEqual(['', false]);
});

test.each([100, 5_000])(
  'fifty pods of a VM that every kubelet refuses, %i ms late: at most five fail in any ten minutes',
  (late) => {
    const refusals = createRefusals();
    const trials = createTrials((owner, now) => refusals.recent(owner, now));
    const bound: { uid: string; owner: string; node: string; at: number }[] = [];
    const failed: number[] = [];
    let next = 50;
    const waiting = many(50);
    for (let now = 800; now < 1_500_000; now += 100) {
      for (const one of bound.filter(({ at }) => at + late === now)) {
        // Kubelets write times without fractions of a second.
        refusals.note({ ...one, at: now - (now % 1_000) });
        trials.seen(one, 'refused', now);
        failed.push(now);
        // The controller makes another at once.
        waiting.push(pod(String(next++)));
      }
      for (const one of [...waiting]) {
        const node = Array.from({ length: 20 }, (_, index) => `node${index}`).find(
          (name) => refusals.reason(name, 'rs', now) === '',
        );
        if (node === undefined || trials.begin(one, now) !== '') continue;
        waiting.splice(waiting.indexOf(one), 1);
        bound.push({ ...one, node, at: now });
      }
    }
    const within = failed.map((start) => failed.filter((at) => at >= start && at - start <= 600_000).length);
    expect([failed.length > 5, Math.max(...within) <= 5]).toEqual([true, true]);
  },
);
