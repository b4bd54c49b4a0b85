import { GUEST_ANNOTATION, PLAN_ANNOTATION } from '../../../api/names.ts';
import type { KubeClient } from '../../../kube/client.ts';
import { KubeError } from '../../../kube/errors.ts';
import { createBinder } from '../../../scheduler-plugin/bind.ts';
import { createLedger } from '../../../scheduler-plugin/placement/ledger.ts';
import { createTrials } from '../../../scheduler-plugin/placement/trials.ts';
import { createReportReader } from '../../../scheduler-plugin/placement/report-facts.ts';
import { createFakeClock } from '../../build/fake-clock.ts';
import { createFakeKube } from '../../build/fake-kube.ts';
import { guestSpec } from '../../build/guest.ts';
import { report, reportedZone, wanted, world } from '../../build/placement.ts';

const request = (name: string) => ({ name, namespace: 'default', uid: `uid-${name}`, node: 'a' });

function rig(pages: number) {
  const ledger = createLedger();
  ledger.setReport('a', createReportReader()(report({ zones: [reportedZone(0, pages)] })));
  const kube = createFakeKube();
  const clock = createFakeClock();
  const cluster = world({ verdict: (name, vm) => ledger.verdict(name, vm) });
  const guest = { ok: true, guest: wanted({ memory: '2Mi', amount: 60, uid: 'uid-unknown' }) } as const;
  const written: unknown[] = [];
  const failure: { error?: KubeError } = {};
  // The fake API server has no binding subresource.
  const bindPod: KubeClient['create'] = <T>(path: string, body: object) => {
    if (failure.error !== undefined) return Promise.reject(failure.error);
    written.push({ path, body });
    return Promise.resolve({} as T);
  };
  const trials = createTrials(() => 0);
  const binder = createBinder({
    client: { ...kube.client, create: bindPod },
    clock,
    ledger,
    trials,
    world: cluster,
    guest: () => guest,
  });
  for (const name of ['v', 'w']) {
    kube.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', uid: `uid-${name}` } });
    binder.remember(wanted({ memory: '2Mi', amount: 60, uid: `uid-${name}` }));
  }
  const free = (): number | undefined => ledger.room('a')?.zones[0]?.memory['2Mi'];
  const disks = (): readonly string[] => [...ledger.claims('a')].flatMap(({ volumeClaims }) => volumeClaims ?? []);
  return { binder, clock, kube, written, failure, free, trials, disks };
}

test('of two VMs that want the same pages at once, one is bound with its plan, the other is told why not', async () => {
  const { binder, written, free } = rig(100);
  const outcomes = await Promise.all([binder.bind(request('v')), binder.bind(request('w'))]);
  expect(outcomes).toEqual([
    { kind: 'bound' },
    { kind: 'conflict', reason: 'zone 0 has 40 free 2Mi pages, guest needs 60 in one zone' },
  ]);
  expect(written).toEqual([
    {
      path: '/api/v1/namespaces/default/pods/v/binding',
      body: {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: {
          name: 'v',
          namespace: 'default',
          uid: 'uid-v',
          annotations: { [PLAN_ANNOTATION]: '{"zones":[{"id":0,"cpus":0,"amount":60}],"functions":[]}' },
        },
        target: { apiVersion: 'v1', kind: 'Node', name: 'a' },
      },
    },
  ]);
  expect(free()).toBe(40);
});

test('asked again for a pod that is bound there already, because the scheduler did not wait for the answer, it says so', async () => {
  const { binder, kube, failure, free } = rig(100);
  await binder.bind(request('v'));
  kube.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'v', namespace: 'default', uid: 'uid-v' },
    spec: { nodeName: 'a' },
  });
  failure.error = new KubeError(409, 'Conflict', 'pod v is already assigned to node "a"');
  binder.remember(wanted({ memory: '2Mi', amount: 60, uid: 'uid-v' }));
  expect([await binder.bind(request('v')), free()]).toEqual([{ kind: 'bound' }, 40]);
});

it.each([
  ['was refused, the pages are free again', new KubeError(409, 'Conflict', 'already bound'), 100],
  ['got no answer, they stay reserved: it may have been bound', new KubeError(0, 'Timeout', 'no answer'), 40],
  ['met a broken server, they stay reserved', new KubeError(500, 'InternalError', 'oops'), 40],
])('when the binding %s', async (_title, error, left) => {
  const { binder, failure, free } = rig(100);
  failure.error = error;
  expect(await binder.bind(request('v'))).toEqual({
    kind: 'failed',
    reason: `the API server did not bind the pod: ${error.message}`,
  });
  expect(free()).toBe(left);
});

test('a pod filtered before a restart of ours is read from the API server', async () => {
  const { binder, kube, free } = rig(100);
  const annotations = { [GUEST_ANNOTATION]: JSON.stringify(guestSpec({ hugepages: '2Mi' })) };
  kube.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', namespace: 'default', uid: 'uid-x', annotations } as never });
  expect((await binder.bind(request('x'))).kind).toBe('bound');
  expect(free()).toBe(40);
  expect(await binder.bind({ ...request('x'), uid: 'uid-of-before' })).toEqual({
    kind: 'failed',
    reason: 'the pod was made anew since',
  });
  expect(await binder.bind(request('gone'))).toMatchObject({ kind: 'failed', reason: expect.stringContaining('cannot be read') });
});

test('of many pods of one controller four are bound; the others wait for a kubelet to accept one, then all go', async () => {
  const { binder, clock, written, trials, free } = rig(1_000);
  const names = ['1', '2', '3', '4', '5', '6'];
  const pods = names.map((name) => wanted({ memory: '2Mi', amount: 60, uid: `uid-${name}` }));
  pods.forEach((pod) => binder.remember(pod));
  const all = Promise.all(names.map((name) => binder.bind(request(name))));
  await clock.advance(500);
  expect([written.length, free()]).toEqual([4, 1_000 - 6 * 60]);
  trials.seen(pods[0]!, 'accepted', clock.now());
  await clock.advance(100);
  expect([await all, written.length]).toEqual([names.map(() => ({ kind: 'bound' })), 6]);
});

test('when no kubelet says anything for a second, the scheduler is told why and tries again; the room is free meanwhile', async () => {
  const { binder, clock, free } = rig(1_000);
  const names = ['1', '2', '3', '4', '5'];
  names.forEach((name) => binder.remember(wanted({ memory: '2Mi', amount: 60, uid: `uid-${name}` })));
  const all = Promise.all(names.map((name) => binder.bind(request(name))));
  await clock.advance(1_100);
  expect((await all)[4]).toEqual({
    kind: 'held',
    reason: expect.stringMatching(/^of pods of this controller 4 wait for a kubelet to accept them and 0 were/),
  });
  expect(free()).toBe(1_000 - 4 * 60);
});

test('asked for another node while the first binding is under way, or after it was made: no second one, and the room of the first is kept', async () => {
  const { binder, kube, written, free } = rig(100);
  const elsewhere = { ...request('v'), node: 'b' };
  const first = binder.bind(request('v'));
  expect(await binder.bind(elsewhere)).toEqual({ kind: 'failed', reason: 'an earlier binding of it is under way' });
  expect(await first).toEqual({ kind: 'bound' });
  kube.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'v', namespace: 'default', uid: 'uid-v' },
    spec: { nodeName: 'a' },
  });
  expect(await binder.bind(elsewhere)).toEqual({ kind: 'failed', reason: 'it was bound to another node meanwhile' });
  expect([written.length, free()]).toEqual([1, 40]);
});

test('the disks of a VM count on its node from its binding on, before the watch shows it there', async () => {
  const { binder, disks } = rig(100);
  binder.remember(wanted({ uid: 'uid-v', volumeClaims: ['default/root', 'default/data'] }));
  await binder.bind(request('v'));
  expect(disks()).toEqual(['default/root', 'default/data']);
});
