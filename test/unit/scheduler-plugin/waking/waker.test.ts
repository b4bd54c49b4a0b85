import { Counter, Registry } from 'prom-client';
import { ROOM_FOUND } from '../../../../api/names.ts';
import { silentLog } from '../../../../runtime/log.ts';
import { createWaker } from '../../../../scheduler-plugin/waking/waker.ts';
import { type Look, MOST_WAKES, nextWakes } from '../../../../scheduler-plugin/waking/next-wakes.ts';
import { createWaitingVms, type WaitingVm } from '../../../../scheduler-plugin/waking/waiting-vms.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';
import { createFakeKube } from '../../../build/fake-kube.ts';
import { node, wanted, world } from '../../../build/placement.ts';

const MINUTE = 60_000;

/** A VM is refused while its node is in `closed`. */
function rig() {
  const kube = createFakeKube();
  const clock = createFakeClock();
  const closed = new Set(['a', 'b']);
  const writes = new Counter({ name: 'wakes', help: 'of this test', registers: [new Registry()] });
  const backOff = (name: string): string => (closed.has(name) ? 'its kubelet refused' : '');
  const whole = world({ node: (name) => node({ name }), backOff, wasRefused: () => true });
  const waker = createWaker({ client: kube.client, clock, log: silentLog, world: whole, wakes: writes });
  const pod = (name: string) => ({ metadata: { name, namespace: 'team', uid: `uid-${name}` } });
  const add = (name: string) => kube.put({ apiVersion: 'v1', kind: 'Pod', ...pod(name), status: {} });
  const filter = (name: string, names = ['a', 'b'], priority = 0): void => {
    const verdicts = names.map((one) => ({ name: one, reason: backOff(one) }));
    waker.listens.filtered(pod(name), verdicts, wanted({ uid: `uid-${name}`, priority }));
  };
  const open = (name: string): void => {
    closed.delete(name);
    waker.changed(name);
  };
  const woken = async (name: string): Promise<boolean> => {
    const { status } = await kube.client.get<{ status: { conditions?: readonly { type: string }[] } }>(`/api/v1/namespaces/team/pods/${name}`); // prettier-ignore
    return status.conditions?.some(({ type }) => type === ROOM_FOUND) === true;
  };
  const count = async (): Promise<number> => (await writes.get()).values[0]?.value ?? 0;
  for (const name of ['v', 'w']) add(name);
  return { kube, clock, waker, filter, open, woken, count, closed };
}

test('a VM refused everywhere is woken when a node that refused it would take it', async () => {
  const { clock, filter, open, woken, count } = rig();
  filter('v');
  open('b');
  await clock.advance(1_500);
  expect([await woken('v'), await count()]).toEqual([true, 1]);
});

test('while nothing changes, a VM that waits costs no write', async () => {
  const { clock, filter, count } = rig();
  filter('v');
  await clock.advance(60 * MINUTE);
  expect(await count()).toBe(0);
});

test('while nobody waits, nothing is timed', async () => {
  const { clock, filter, open, waker, closed } = rig();
  open('a');
  expect(clock.pending()).toBe(0);
  filter('v');
  closed.add('a').add('b');
  expect(clock.pending()).toBe(0);
  filter('v');
  waker.listens.bound('team/v', { node: 'a', reason: '' });
  await clock.advance(MINUTE);
  expect(clock.pending()).toBe(0);
});

test('what time alone changes is seen within half a minute', async () => {
  const { clock, filter, closed, woken } = rig();
  filter('v');
  closed.delete('a');
  await clock.advance(31_000);
  expect(await woken('v')).toBe(true);
});

test('a node that was not left for us to judge wakes nobody: the scheduler itself says no', async () => {
  const { clock, filter, open, count } = rig();
  filter('v', ['a']);
  open('b');
  await clock.advance(5 * MINUTE);
  expect(await count()).toBe(0);
});

test('of two VMs, one is woken for a node, the more important first; the other when there is room left', async () => {
  const { clock, filter, open, woken, waker } = rig();
  filter('v');
  filter('w', ['a', 'b'], 5);
  open('a');
  await clock.advance(1_100);
  expect([await woken('v'), await woken('w')]).toEqual([false, true]);
  waker.listens.bound('team/w', { node: 'a', reason: '' });
  await clock.advance(1_100);
  expect(await woken('v')).toBe(true);
});

test('a VM that is refused each time it is woken is woken ever less often', async () => {
  const { clock, filter, open, closed, count } = rig();
  for (let minute = 0; minute < 60; minute++) {
    closed.add('a');
    filter('v');
    open('a');
    await clock.advance(MINUTE);
  }
  expect(await count()).toBeGreaterThan(5);
  expect(await count()).toBeLessThan(25);
});

test.each([['that is gone', (kube: ReturnType<typeof createFakeKube>) => kube.client.delete('/api/v1/namespaces/team/pods/v')]])(
  'a VM %s is forgotten at the next try',
  async (_title, meanwhile) => {
    const { clock, filter, open, kube, count } = rig();
    filter('v');
    await meanwhile(kube);
    open('a');
    await clock.advance(5 * MINUTE);
    expect([await count(), clock.pending()]).toEqual([0, 0]);
  },
);

test('nothing happens after the end', async () => {
  const { clock, filter, open, waker, count } = rig();
  filter('v');
  open('a');
  await waker.stop();
  open('b');
  await clock.advance(5 * MINUTE);
  expect([await count(), clock.pending()]).toEqual([0, 0]);
});

describe('nextWakes', () => {
  const vm = (name: string, ...nodes: readonly string[]): WaitingVm => {
    const guest = wanted({ uid: name });
    return { uid: name, namespace: 'team', name, guest, nodes: new Set(nodes), refusedAt: 0, wakes: 0, quietUntil: 0 };
  };
  const wakes = async (fields: Partial<Look>): Promise<readonly string[]> => {
    const rest = (): Promise<void> => Promise.resolve();
    const found = await nextWakes({ due: [], changed: undefined, firstThatPasses: (_vm, names) => names[0], rest, ...fields });
    return found.map((one) => `${one.vm.name} for ${one.node}`);
  };

  it('gives each node to one VM', async () => {
    const due = [vm('v', 'a', 'b'), vm('w', 'a', 'b'), vm('x', 'a', 'b')];
    expect(await wakes({ due })).toEqual(['v for a', 'w for b']);
  });

  it('looks only at nodes of which something is new', async () => {
    const due = [vm('v', 'a', 'b')];
    expect(await wakes({ due, changed: new Set(['b', 'c', 'd']) })).toEqual(['v for b']);
    expect(await wakes({ due, changed: new Set(['c']) })).toEqual([]);
  });

  it('wakes no more at once than it may write', async () => {
    const due = Array.from({ length: 50 }, (_, index) => vm(`v${index}`, `n${index}`));
    expect(await wakes({ due })).toHaveLength(MOST_WAKES);
  });

  it('lets requests go before between two VMs', async () => {
    let rests = 0;
    const rest = (): Promise<void> => {
      rests += 1;
      return Promise.resolve();
    };
    await wakes({ due: [vm('v', 'a'), vm('w', 'b'), vm('x', 'c')], rest });
    expect(rests).toBe(3);
  });
});

describe('createWaitingVms', () => {
  const one = (name: string) => ({ uid: name, namespace: 'team', name, guest: wanted({ uid: name }) });

  it('keeps one set for equal lists of nodes', () => {
    const waiting = createWaitingVms();
    waiting.refused(one('v'), ['a', 'b'], 0);
    waiting.refused(one('w'), ['b', 'a'], 0);
    const [v, w] = waiting.due(0);
    expect(v?.nodes).toBe(w?.nodes);
  });

  it('forgets who was not refused again for ten minutes, and who was refused longest ago of too many', () => {
    const waiting = createWaitingVms();
    for (let index = 0; index < 501; index++) waiting.refused(one(`v${index}`), ['a'], index);
    expect([waiting.size(), waiting.due(501).some(({ name }) => name === 'v0')]).toEqual([500, false]);
    expect(waiting.due(11 * MINUTE)).toEqual([]);
  });

  it('does not take a pod made anew for the one that was woken', () => {
    const waiting = createWaitingVms();
    waiting.refused(one('v'), ['a'], 0);
    waiting.woken(waiting.due(0)[0]!, 0);
    waiting.refused({ ...one('v'), uid: 'other' }, ['a'], 1);
    expect(waiting.due(1).map(({ uid, wakes }) => [uid, wakes])).toEqual([['other', 0]]);
  });
});
