import { isRefusal } from '../../../api/kubelet-refusal.ts';
import { createRefusals } from '../../../scheduler-plugin/placement/refusals.ts';

const MINUTE = 60_000;
const from = (uid: string, node: string, at: number) => ({ uid, owner: 'rs', node, at });

it.each([
  ['TopologyAffinityError', true],
  ['UnexpectedAdmissionError', true],
  ['OutOfcpu', true],
  ['OutOfpodvisor.dev/kvm', true],
  ['Evicted', false],
  [undefined, false],
])('%s is a refusal by the kubelet: %s', (reason, expected) => {
  expect(isRefusal(reason)).toBe(expected);
});

test('a node is left out for a minute, then two, for the VMs of that controller alone', () => {
  const refusals = createRefusals();
  refusals.note(from('p1', 'a', 0));
  expect(refusals.reason('a', 'rs', MINUTE - 1)).toMatch(/its kubelet refused a pod of this VM .* left out for 1 min/);
  expect([refusals.reason('a', 'rs', MINUTE), refusals.reason('b', 'rs', 1), refusals.reason('a', 'other', 1)]).toEqual([
    '',
    '',
    '',
  ]);
  refusals.note(from('p2', 'a', MINUTE));
  refusals.note(from('p2', 'a', MINUTE));
  expect(refusals.reason('a', 'rs', 3 * MINUTE - 1)).toMatch(/left out for 2 min/);
  expect(refusals.reason('a', 'rs', 3 * MINUTE)).toBe('');
});

test('a VM that many nodes refuse waits for all of them: at most five failed pods in ten minutes', () => {
  const refusals = createRefusals();
  let failed = 0;
  for (let now = 0; now < 10 * MINUTE; now += 1000) {
    const node = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].find((name) => refusals.reason(name, 'rs', now) === '');
    if (node !== undefined) refusals.note(from(`p${failed++}`, node, now));
  }
  expect(failed).toBeLessThanOrEqual(5);
  expect(refusals.reason('h', 'rs', 5 * MINUTE)).toMatch(/kubelets refused 4 pods of this VM in the last 11 minutes/);
});

test('old refusals of others are forgotten before memory is full', () => {
  const refusals = createRefusals();
  for (let index = 0; index < 6_000; index++) refusals.note({ uid: `p${index}`, owner: `o${index}`, node: 'a', at: 0 });
  expect([refusals.reason('a', 'o0', 1), refusals.reason('a', 'o5999', 1) !== '']).toEqual(['', true]);
});
