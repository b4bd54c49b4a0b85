import {
  nextLeaseAction,
  releasedSpec,
  type Lease,
  type LeaseAction,
  type LeaseSpec,
  type LeaseState,
} from '../../../kube/lease-plan.ts';
import { microTime } from '../../../kube/micro-time.ts';

const T0 = Date.UTC(2026, 0, 1);
const base: LeaseState = { identity: 'me', durationMs: 30_000, leading: false, renewedAt: 0 };
const theirs: LeaseSpec = {
  holderIdentity: 'other',
  leaseDurationSeconds: 30,
  leaseTransitions: 4,
  renewTime: microTime(T0),
  strategy: 'OldestEmulationVersion',
};
const lease = (spec: LeaseSpec): Lease => ({ metadata: { name: 'l', resourceVersion: '7' }, spec });
const since = (spec: LeaseSpec, at: number): LeaseState => ({ ...base, seen: { spec: JSON.stringify(spec), since: at } });
const mine = { ...theirs, holderIdentity: 'me' };

it.each<[string, LeaseState, Lease | 'missing' | 'unknown', LeaseAction['do']]>([
  ['creates a missing lease', base, 'missing', 'create'],
  ['takes a lease nobody holds', base, lease({ holderIdentity: '' }), 'update'],
  ['takes a lease without spec', base, { metadata: { name: 'l' } }, 'update'],
  ['waits when it sees the lease of another for the first time, however old its renewTime is', base, lease(theirs), 'wait'],
  ['waits while the lease changed less than its duration ago', since(theirs, T0 - 29_999), lease(theirs), 'wait'],
  ['takes a lease that did not change for its duration', since(theirs, T0 - 30_000), lease(theirs), 'update'],
  ['waits when it changed since', since({ ...theirs, renewTime: 'earlier' }, T0 - 90_000), lease(theirs), 'wait'],
  [
    'goes by the duration of the holder',
    since({ ...theirs, leaseDurationSeconds: 60 }, T0 - 30_000),
    lease({ ...theirs, leaseDurationSeconds: 60 }),
    'wait',
  ],
  ['takes its own lease from before a restart', base, lease(mine), 'update'],
  ['renews while leading', { ...base, leading: true, renewedAt: T0 - 10_000 }, lease(mine), 'update'],
  ['steps down when another holds it', { ...base, leading: true, renewedAt: T0 - 10_000 }, lease(theirs), 'step-down'],
  ['creates it anew when somebody deleted it', { ...base, leading: true, renewedAt: T0 }, 'missing', 'create'],
  ['leads on when it cannot see for a moment', { ...base, leading: true, renewedAt: T0 - 19_999 }, 'unknown', 'wait'],
  [
    'steps down when it could not renew for two thirds of the duration',
    { ...base, leading: true, renewedAt: T0 - 20_000 },
    'unknown',
    'step-down',
  ],
  ['waits when it cannot see and does not lead', base, 'unknown', 'wait'],
])('%s', (_, state, observed, expected) => {
  expect(nextLeaseAction(state, observed, T0).action.do).toBe(expected);
});

it('counts a transition when the holder changes, keeps fields it does not know, writes six digits', () => {
  const { action } = nextLeaseAction(since(theirs, T0 - 30_000), lease(theirs), T0 + 5);
  const stamp = '2026-01-01T00:00:00.005000Z';
  const spec = {
    holderIdentity: 'me',
    leaseDurationSeconds: 30,
    leaseTransitions: 5,
    acquireTime: stamp,
    renewTime: stamp,
    strategy: 'OldestEmulationVersion',
  };
  expect(action).toEqual({ do: 'update', spec });
});

it('keeps acquireTime and transitions when it renews', () => {
  const held = { ...mine, acquireTime: microTime(T0 - 99_000) };
  const { action } = nextLeaseAction({ ...base, leading: true }, lease(held), T0);
  expect(action).toMatchObject({ spec: { acquireTime: held.acquireTime, leaseTransitions: 4, renewTime: microTime(T0) } });
});

it('a released lease is free for anybody', () => {
  const free = releasedSpec(mine, T0);
  expect(nextLeaseAction({ ...base, identity: 'third' }, lease(free), T0).action.do).toBe('update');
});
