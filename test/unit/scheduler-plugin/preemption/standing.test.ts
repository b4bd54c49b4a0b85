import { isChoosy, requestsOf, type StandingPod, standingOf } from '../../../../scheduler-plugin/preemption/standing.ts';

const container = (requests: Record<string, unknown>, more: object = {}) => ({ resources: { requests }, ...more });

describe('requestsOf', () => {
  it.each<[string, NonNullable<StandingPod['spec']>, Record<string, number>]>([
    ['containers together', { containers: [container({ cpu: '1' }), container({ cpu: '250m' })] }, { cpu: 1.25 }],
    ['a limit where there is no request', { containers: [{ resources: { limits: { 'example.com/vf': '2' } } }] }, { 'example.com/vf': 2 }],
    ['an init container that needs more than what runs later', { initContainers: [container({ cpu: '4' })], containers: [container({ cpu: '1' })] }, { cpu: 4 }],
    ['sidecars beside the containers', { initContainers: [container({ cpu: '1' }, { restartPolicy: 'Always' })], containers: [container({ cpu: '1' })] }, { cpu: 2 }],
    ['an init container beside the sidecars before it', { initContainers: [container({ cpu: '1' }, { restartPolicy: 'Always' }), container({ cpu: '3' })], containers: [container({ cpu: '1' })] }, { cpu: 4 }],
    ['the overhead of its runtime class', { containers: [container({ memory: '1Gi' })], overhead: { memory: '1Gi' } }, { memory: 2 ** 31 }],
    ['nothing for what is no quantity', { containers: [container({ cpu: 'many' })] }, { cpu: 0 }],
    ['nothing at all', {}, {}],
  ])('counts %s', (_title, spec, expected) => {
    expect(requestsOf({ spec })).toEqual(expected);
  }); // prettier-ignore
});

describe('isChoosy', () => {
  it.each<[boolean, string, NonNullable<StandingPod['spec']>]>([
    [false, 'node affinity alone', { affinity: {} }],
    [true, 'pod anti-affinity', { affinity: { podAntiAffinity: {} } }],
    [true, 'pod affinity', { affinity: { podAffinity: {} } }],
    [true, 'spread constraints', { topologySpreadConstraints: [{}] }],
    [true, 'ports of the node', { containers: [{ ports: [{ hostPort: 80 }] }] }],
    [false, 'ports of its own', { containers: [{ ports: [{}] }] }],
  ])('is %s for a pod with %s', (expected, _title, spec) => {
    expect(isChoosy({ spec })).toBe(expected);
  });
});

test('a pod without anything has the lowest standing there is by default', () => {
  expect(standingOf({})).toEqual({ namespace: '', priority: 0, labels: {}, requests: {}, repels: false });
});
