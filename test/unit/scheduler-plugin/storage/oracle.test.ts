import { askOf, type StorageAsk } from '../../../../scheduler-plugin/storage/ask.ts';
import { storageRig, type StorageRig } from '../../../build/storage.ts';
import { dice } from '../oracle-cases.ts';
import { makePoolCase, poolHolds, type PoolCase } from './oracle.ts';

const CASES = 100_000;
const SEED = 20261122;

/** What the extender sees of the case, and the VM's question. */
function ask({ seen, disks }: PoolCase, more = 0): StorageAsk {
  const rig = storageRig();
  rig.node('a');
  for (const one of seen) see(rig, one, more);
  for (const [index, gib] of disks.entries()) rig.claim(`disk-${index}`, { gib });
  return askOf({ uid: 'vm', volumeClaims: disks.map((_gib, index) => `default/disk-${index}`) }, rig.books)!;
}

function see(rig: StorageRig, one: PoolCase['seen'][number], more: number): void {
  if (one.kind === 'told') return rig.capacity('fast', 'a', one.gib + more);
  if (one.kind === 'placed') return rig.claim(one.claim, { gib: one.gib, on: 'a' });
  if (one.kind === 'unplaced') return rig.claim(one.claim, { gib: one.gib });
  rig.volume(`pv-${one.claim}`, { claim: one.claim, capacity: { storage: `${one.gib}Gi` } });
  rig.claim(one.claim, { gib: one.gib, on: 'a', volume: `pv-${one.claim}` });
}

test(`${CASES} pools: nothing is promised twice, and what fits is refused only by as much as is still to be seen bound`, () => {
  const roll = dice(SEED);
  const mistakes: { readonly one: PoolCase; readonly reason: string }[] = [];
  const counts = { yes: 0, no: 0, ahead: 0 };
  for (let index = 0; index < CASES; index++) {
    const one = makePoolCase(roll);
    const reason = ask(one).poolReason('a');
    const holds = poolHolds(one);
    const wrong = reason === '' && !holds;
    const missed = reason !== '' && poolHolds(one, one.ahead);
    if (wrong || missed) mistakes.push({ one, reason });
    counts[reason === '' ? 'yes' : 'no'] += 1;
    counts.ahead += Number(one.ahead > 0);
  }
  expect({ mistakes: mistakes.length, first: mistakes[0] }).toEqual({ mistakes: 0, first: undefined });
  // The cases are no walk-over either way.
  expect(Math.min(counts.yes, counts.no)).toBeGreaterThan(CASES / 5);
  expect(counts.ahead).toBeGreaterThan(CASES / 50);
}, 120_000);

test('more room never turns a yes into a no', () => {
  const roll = dice(SEED + 1);
  for (let index = 0; index < 2_000; index++) {
    const one = makePoolCase(roll);
    expect(ask(one).poolReason('a') !== '' || ask(one, 3).poolReason('a') === '').toBe(true);
  }
}, 60_000);

test('shares are between 0 and 1, one per node, whatever their order', () => {
  const roll = dice(SEED + 2);
  const names = ['a', 'b', 'c', 'd'];
  for (let index = 0; index < 1_000; index++) {
    const rig = storageRig(
      new Map([['x', { nodes: () => names.filter(() => roll(2) === 0), isFresh: () => true, version: () => 0 }]]),
    );
    for (const name of names) {
      rig.node(name);
      if (roll(2) === 0) rig.capacity('fast', name, roll(20));
    }
    rig.volume('pv', { csi: { driver: 'x', volumeHandle: 'pv' } });
    rig.claim('old', { volume: 'pv' });
    rig.claim('new', { gib: 1 + roll(9) });
    rig.attachments.set('va', { volume: 'pv', node: names[roll(4)]!, driver: 'x', attached: true });
    const one = askOf({ uid: 'vm', volumeClaims: ['default/old', 'default/new'] }, rig.books)!;
    const shares = one.shares(names)!;
    for (const share of shares) expect(share >= 0 && share <= 1).toBe(true);
    expect(shares).toHaveLength(names.length);
  }
}, 60_000);
