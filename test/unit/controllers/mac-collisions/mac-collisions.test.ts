import fc from 'fast-check';
import type { GuestSpec } from '../../../../api/guest-spec.ts';
import type { Pod } from '../../../../api/pod.ts';
import type { PodMacs } from '../../../../controllers/mac-collisions/facts.ts';
import { createMacIndex } from '../../../../controllers/mac-collisions/mac-index.ts';
import type { Collision } from '../../../../controllers/mac-collisions/mac-index.ts';
import { nextActions } from '../../../../controllers/mac-collisions/next-actions.ts';
import { vmPodMacs } from '../../../../controllers/vm-pods.ts';
import type { KubeObject } from '../../../../kube/objects.ts';
import { plainPod } from '../../../build/pod.ts';
import { runningVm } from '../../../build/vm-pod.ts';

const MAC = '02:00:00:00:12:34';
const OTHER = '02:00:00:00:12:35';
const POD: GuestSpec['networks'][number] = { name: 'pod', interface: 'eth0', binding: 'masquerade' };
const BLUE: GuestSpec['networks'][number] = { name: 'team/blue', interface: 'net1', binding: 'bridge' };

const read = (pod: Pod): PodMacs | undefined => vmPodMacs(pod as unknown as KubeObject);
const status = (...entries: unknown[]): string => JSON.stringify(entries);
const shown = (networks: GuestSpec['networks'], networkStatus?: string): string[] =>
  (read(runningVm({ networks, ...(networkStatus === undefined ? {} : { networkStatus }) }))?.macs ?? []).map(
    ({ network, mac }) => `${network} ${mac}`,
  );

describe('MACs a pod shows', () => {
  it.each<[string, GuestSpec['networks'], string | undefined, string[]]>([
    ['none without a report', [POD, BLUE], undefined, []],
    ['the one Multus gave the interface', [POD, BLUE], status({ name: 'team/blue', mac: MAC }), [`team/blue ${MAC}`]],
    ['the one the GuestSpec names, before Multus was there', [POD, { ...BLUE, mac: MAC }], undefined, [`team/blue ${MAC}`]],
    [
      "of a translated network the interface's, not the guest's",
      [POD, { ...BLUE, binding: 'masquerade', mac: OTHER }],
      status({ name: 'team/blue', mac: MAC }),
      [`team/blue ${MAC}`],
    ],
    ['none of a masqueraded pod network', [{ ...POD, mac: MAC }], undefined, []],
    ['that of a bridged pod network', [{ ...POD, binding: 'bridge', mac: MAC }], undefined, [`pod ${MAC}`]],
    [
      "the interface's, which the guest has, of a bridged pod network",
      [{ ...POD, binding: 'bridge' }],
      status({ name: 'cbr0', default: true, mac: MAC }),
      [`pod ${MAC}`],
    ],
    ['in lower case', [POD, BLUE], status({ name: 'team/blue', mac: MAC.toUpperCase() }), [`team/blue ${MAC}`]],
    ['not one of a network the guest is not on', [POD], status({ name: 'team/blue', mac: MAC }), []],
    ['not the one of the pod network: masquerade keeps it inside', [POD], status({ name: 'cbr0', mac: MAC, default: true }), []],
    ['each once', [POD, BLUE], status({ name: 'team/blue', mac: MAC }, { name: 'team/blue', mac: MAC }), [`team/blue ${MAC}`]],
    ['none of a report that is no JSON', [POD, BLUE], '[', []],
    ['none of a report that is no list', [POD, BLUE], '{"name":"team/blue"}', []],
    [
      'none of entries that are none',
      [POD, BLUE],
      status(null, 7, 'x', { name: 'team/blue' }, { name: 'team/blue', mac: 7 }),
      [],
    ],
    ['none of what is no MAC', [POD, BLUE], status({ name: 'team/blue', mac: `${MAC}:00` }), []],
    ['none of an oversized report', [POD, BLUE], status({ name: 'team/blue', mac: MAC, x: 'x'.repeat(70_000) }), []],
    [
      'only as many as a pod can sensibly have',
      [POD, BLUE],
      status(...Array.from({ length: 64 }, () => ({ name: 'x/y', mac: OTHER })), { name: 'team/blue', mac: MAC }),
      [],
    ],
  ])('%s', (_title, networks, networkStatus, expected) => {
    expect(shown(networks, networkStatus)).toEqual(expected);
  });

  it('a pod that is no VM is left out, whatever its label says', () => {
    expect(read(plainPod({ uid: 'u', labels: { 'podvisor.dev/vm': 'true' } }))).toBeUndefined();
  });

  it('what was reported is read back', () => {
    const condition = { type: 'podvisor.dev/mac-unique', status: 'False', reason: 'MacCollision', message: 'm' };
    const pod = runningVm({ conditions: [{ type: 'Ready', status: 'True' }, condition] });
    expect(read(pod)?.reported).toEqual({ status: 'False', reason: 'MacCollision', message: 'm' });
  });
});

const pod = (uid: string, ...macs: string[]): PodMacs => ({
  uid,
  namespace: 'team',
  name: `pod-${uid}`,
  macs: macs.map((mac) => ({ network: 'team/blue', mac })),
});
const others = (collisions: readonly Collision[]): string[] => collisions.map(({ with: { name } }) => name);

describe('the index', () => {
  it('tells both of two pods with one MAC, and both again when one goes', () => {
    const index = createMacIndex();
    expect(index.set('a', pod('1', MAC))).toEqual(['a']);
    expect(index.collisions()).toBe(0);
    expect([...index.set('b', pod('2', MAC))].sort()).toEqual(['a', 'b']);
    expect([others(index.collisionsOf('a')), others(index.collisionsOf('b'))]).toEqual([['pod-2'], ['pod-1']]);
    expect(index.collisions()).toBe(1);
    expect([...index.set('a', undefined)].sort()).toEqual(['a', 'b']);
    expect(index.collisionsOf('b')).toEqual([]);
    expect(index.collisions()).toBe(0);
  });

  it('one MAC on two networks is none of its business', () => {
    const index = createMacIndex();
    index.set('a', { ...pod('1'), macs: [{ network: 'team/blue', mac: MAC }] });
    index.set('b', { ...pod('2'), macs: [{ network: 'team/red', mac: MAC }] });
    expect([index.collisionsOf('a'), index.collisionsOf('b'), index.collisions()]).toEqual([[], [], 0]);
  });

  it('a pod made anew under its name takes the place of the old one', () => {
    const index = createMacIndex();
    index.set('a', pod('1', MAC));
    index.set('b', pod('2', MAC));
    index.set('a', pod('3', OTHER));
    expect([index.collisionsOf('a'), index.collisionsOf('b'), index.collisions()]).toEqual([[], [], 0]);
  });

  const step = fc.record({ key: fc.nat(5), uid: fc.nat(50), macs: fc.option(fc.uniqueArray(fc.nat(2), { maxLength: 3 })) });

  it('agrees with comparing all with all, and names every pod whose answer changed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
        const index = createMacIndex();
        const model = new Map<string, PodMacs>();
        let answers = new Map<string, string>();
        for (const { key, uid, macs } of steps) {
          const name = `key${key}`;
          const made = macs === null ? undefined : pod(`${uid}-${name}`, ...macs.map((mac) => `m${mac}`));
          if (made === undefined) model.delete(name);
          else model.set(name, made);
          const affected = index.set(name, made);
          const colliding = (one: string): string[] =>
            (model.get(one)?.macs ?? [])
              .map(({ mac }) => mac)
              .filter((mac) => [...model].some(([other, { macs: its }]) => other !== one && its.some((it) => it.mac === mac)));
          for (const one of model.keys()) {
            expect(index.collisionsOf(one).map(({ mac }) => mac)).toEqual(colliding(one));
          }
          expect(index.collisions()).toBe(new Set([...model.keys()].flatMap(colliding)).size);
          const now = new Map([...model.keys()].map((one) => [one, JSON.stringify(index.collisionsOf(one))]));
          for (const [one, answer] of now) if (answer !== (answers.get(one) ?? '[]')) expect(affected).toContain(one);
          answers = now;
        }
      }),
    );
  });

  it('n pods of one MAC cost about n answers, in whatever order their names come', () => {
    const index = createMacIndex();
    // UIDs as random as real ones, but the same in each run.
    const uid = (at: number): string => String((at * 7919 + 13) % 1009).padStart(4, '0');
    let told = 0;
    for (let at = 0; at < 1000; at++) told += index.set(`k${at}`, pod(uid(at), MAC)).length;
    expect(told).toBeLessThan(10_000);
    expect(index.collisions()).toBe(1);
  });
});

describe('what is written about a pod', () => {
  const NOW = Date.UTC(2026, 0, 1);
  const collision = (mac = MAC, network = 'team/blue'): Collision => ({ network, mac, with: { namespace: 'team', name: 'b' } });
  const unique = {
    status: 'True',
    reason: 'MacUnique',
    message: 'No other VM pod has a MAC of this one on a network they share.',
  } as const;
  const reportOf = (collisions: readonly Collision[]) => {
    const [report] = nextActions(undefined, collisions, NOW);
    if (report?.do !== 'report') throw new Error('no report');
    return report.condition;
  };

  it('nothing about one that never collided', () => {
    expect(nextActions(undefined, [], NOW)).toEqual([]);
  });

  it('condition and Warning, naming MAC, network, the other pod and what to do', () => {
    const actions = nextActions(undefined, [collision()], NOW);
    expect(actions).toMatchObject([
      { do: 'report', condition: { status: 'False', reason: 'MacCollision' }, lastTransitionTime: '2026-01-01T00:00:00Z' },
      { do: 'tell', event: { type: 'Warning', reason: 'MacCollision' } },
    ]);
    const { message } = reportOf([collision()]);
    for (const part of [
      MAC,
      'network team/blue',
      'pod team/b',
      'create it again with another MAC',
      'k8s.v1.cni.cncf.io/networks',
    ]) {
      expect(message).toContain(part);
    }
  });

  it('nothing a second time', () => {
    expect(nextActions(reportOf([collision()]), [collision()], NOW)).toEqual([]);
    expect(nextActions(unique, [], NOW)).toEqual([]);
  });

  it('another pod or MAC is news, but no transition', () => {
    const [report] = nextActions(reportOf([collision()]), [collision(OTHER)], NOW);
    expect(report).toMatchObject({ do: 'report', condition: { status: 'False' } });
    expect(report).not.toHaveProperty('lastTransitionTime');
  });

  it('the end of it is reported as well', () => {
    expect(nextActions(reportOf([collision()]), [], NOW)).toEqual([
      { do: 'report', condition: unique, lastTransitionTime: '2026-01-01T00:00:00Z' },
      { do: 'tell', event: { type: 'Normal', reason: unique.reason, message: unique.message } },
    ]);
  });

  it('many collisions make a bounded message', () => {
    const many = Array.from({ length: 16 }, (_, at) => collision(MAC, `team/n${at}`));
    expect(reportOf(many).message).toContain('13 more of its MACs collide');
  });
});
