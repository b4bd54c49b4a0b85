import { nodeReason } from '../../../../scheduler-plugin/node-reason.ts';
import { createLedger } from '../../../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../../../scheduler-plugin/placement/report-facts.ts';
import type { Wanted } from '../../../../scheduler-plugin/placement/wanted.ts';
import { claimsWithout } from '../../../../scheduler-plugin/preemption/nominations.ts';
import { choose, type PreemptionBooks, victimsOn } from '../../../../scheduler-plugin/preemption/preemptor.ts';
import type { Victims } from '../../../../scheduler-plugin/preemption/victims.ts';
import { boundVm } from '../../../build/bound-vm.ts';
import { booksOf, PREEMPTOR, twoZones } from '../../../build/guide-preemption.ts';
import { node, report, reportedZone, wanted } from '../../../build/placement.ts';
import { type Case, type Dice, dice, makeCase } from '../oracle-cases.ts';

const { guest } = PREEMPTOR;
const proposed = (...uids: readonly string[]): Victims => ({ uids, violations: 0 });

test('the scheduler would evict the VM of the lowest priority, which frees pages enough in no zone; the one that frees a zone goes instead', () => {
  const chosen = choose(booksOf(twoZones()), PREEMPTOR, new Map([['a', proposed('low')]]));
  expect(chosen).toEqual(new Map([['a', proposed('middle')]]));
});

test('a node where no eviction makes a zone free is dropped, and so nobody is evicted there', () => {
  const large = { ...PREEMPTOR, guest: wanted({ ...guest, amount: 101 }) };
  expect(choose(booksOf(twoZones()), large, new Map([['a', proposed('low', 'middle')]]))).toEqual(new Map());
});

test('a node whose kubelet refused the VM is dropped: that no eviction cures', () => {
  const books = booksOf(twoZones());
  const world = { ...books.world, backOff: () => 'its kubelet refused' };
  expect(victimsOn({ ...books, world }, PREEMPTOR, 'a', proposed('low'))).toBe('hopeless');
});

test.each([
  ['a pool alone', 5],
  ['a pool and its zones', 70],
])('a node that refuses the VM for %s is dropped, whoever is there', (_what, amount) => {
  const books = booksOf(twoZones());
  const full = { attachReason: () => '', poolReason: () => 'pool of storage class fast has 0 MiB free', dataReason: () => '' };
  const world = { ...books.world, storage: () => full } as unknown as PreemptionBooks['world'];
  const asking = { ...PREEMPTOR, guest: wanted({ ...guest, amount, volumeClaims: ['team/disk'] }) };
  expect(victimsOn({ ...books, world }, asking, 'a')).toBe('hopeless');
  expect(choose({ ...books, world }, asking, new Map([['a', proposed('low')]]))).toEqual(new Map());
});

test('a node is dropped where the VM would fit, but could not be moved from as it requires', () => {
  const mustMove = { ...PREEMPTOR, guest: wanted({ ...guest }, { mobility: 'require' }) };
  expect(victimsOn(booksOf(twoZones()), mustMove, 'a', proposed('low'))).toBe('hopeless');
});

test('a VM bound a moment ago that the watch has not shown is no victim, though it is counted', () => {
  const ledger = createLedger();
  ledger.setReport('a', createReportReader()(report({ zones: [reportedZone(0, 100)] })));
  const needs = { memory: '2Mi', amount: 90, cpus: 0, functions: [] } as const;
  ledger.reserve({ uid: 'r', node: 'a', owner: 'o', needs, plan: undefined, expiresAt: 1 });
  expect(victimsOn(booksOf(ledger), PREEMPTOR, 'a')).toBe('hopeless');
});

describe('once victims were chosen', () => {
  const nominated = (books: PreemptionBooks): void =>
    books.nominations.set('new', { uid: 'new', node: 'a', priority: guest.priority, needs: guest });
  const free = (books: PreemptionBooks, priority: number, amount: number): string =>
    nodeReason(wanted({ memory: '2Mi', amount, priority, uid: 'other' }), node(), books.world);

  it('their room is kept for the VM they made it for, against others up to its priority', () => {
    const ledger = twoZones();
    const books = booksOf(ledger);
    choose(books, PREEMPTOR, new Map([['a', proposed('low')]]));
    nominated(books);
    ledger.setPod('middle', undefined);
    expect(free(books, 100, 31)).toBe('zone 0 has 0 and zone 1 has 30 free 2Mi pages, guest needs 31 in one zone');
    expect([free(books, 100, 30), free(books, 101, 31)]).toEqual(['', '']);
    expect(nodeReason(guest, node(), books.world)).toBe('');
  });

  it('nothing is kept any more when it was given up, and nothing twice once it is there', () => {
    const ledger = twoZones();
    const books = booksOf(ledger);
    choose(books, PREEMPTOR, new Map([['a', proposed('low')]]));
    nominated(books);
    ledger.setPod('middle', undefined);
    ledger.reserve({ uid: 'new', node: 'a', owner: 'o', needs: guest, plan: { zones: [{ id: 1, cpus: 0, amount: 70 }], functions: [] }, expiresAt: 1 });
    expect(free(books, 0, 30)).toBe('');
    ledger.release('new');
    books.nominations.set('new', undefined);
    expect(free(books, 0, 100)).toBe('');
  }); // prettier-ignore
});

interface Played {
  readonly books: PreemptionBooks;
  readonly asking: Wanted;
  /** VMs that may be evicted. */
  readonly lower: readonly string[];
  readonly fits: (gone: readonly string[]) => boolean;
}

function asked({ kind, amount, cells, vcpus, dedicated, isolate, vfs, ...wishes }: Case['question'], priority: number): Wanted {
  const extraCpus = dedicated && isolate ? 1 : 0;
  const cpus = dedicated ? vcpus + extraCpus : 0;
  return wanted({ memory: kind, amount, cells, cpus, extraCpus, functions: vfs, priority }, wishes);
}

/** A node with a history, its VMs with priorities. */
function played(roll: Dice): Played {
  const one = makeCase(roll);
  const asking = asked(one.question, 2 + roll(3));
  const ledger = createLedger();
  ledger.setReport('a', createReportReader()(one.report));
  const lower: string[] = [];
  for (const { vm, reserved } of one.vms) {
    const priority = roll(4);
    const plan = roll(5) === 0 ? undefined : vm.plan;
    if (reserved) ledger.reserve({ ...vm, expiresAt: 1 });
    else ledger.setPod(vm.uid, boundVm(vm.uid, { priority }, { needs: vm.needs, plan, ended: vm.ended }));
    if (!reserved && !vm.ended && priority < asking.priority) lower.push(vm.uid);
  }
  const books = booksOf(ledger);
  const fits = (gone: readonly string[]): boolean =>
    nodeReason(asking, node(), { ...books.world, ...claimsWithout(books, new Set(gone)) }) === '';
  return { books, asking, lower, fits };
}

describe('in any room', () => {
  const CASES = 3_000;
  const roll = dice(20261122);
  const made = Array.from({ length: CASES }, () => played(roll));
  const subsets = (list: readonly string[]): readonly (readonly string[])[] =>
    list.reduce<readonly (readonly string[])[]>((all, uid) => [...all, ...all.map((some) => [...some, uid])], [[]]);

  test('the VM fits once the victims are gone, none of them could stay, and none is of its priority or above', () => {
    let evicted = 0;
    for (const { books, asking, lower, fits } of made) {
      const answer = victimsOn(books, { guest: asking, requests: {}, isChoosy: false }, 'a');
      if (typeof answer === 'string') continue;
      evicted += 1;
      expect(fits(answer.uids)).toBe(true);
      expect(answer.uids.filter((uid) => !lower.includes(uid))).toEqual([]);
      for (const uid of answer.uids) expect(fits(answer.uids.filter((other) => other !== uid))).toBe(false);
    }
    // The cases are no walk-over.
    expect(evicted).toBeGreaterThan(CASES / 25);
  });

  test('a node is given up only when no choice of lower VMs would help, and nobody goes while there is room', () => {
    for (const { books, asking, lower, fits } of made) {
      const answer = victimsOn(books, { guest: asking, requests: {}, isChoosy: false }, 'a');
      expect(answer === 'hopeless').toBe(!subsets(lower).some(fits));
      expect(answer === 'waits').toBe(fits([]));
    }
  });

  test('with whatever the scheduler proposes, the VM fits afterwards', () => {
    for (const { books, asking, lower, fits } of made) {
      const uids = lower.filter(() => roll(2) === 0);
      for (const isChoosy of [false, true]) {
        const answer = victimsOn(books, { guest: asking, requests: { cpu: 1 }, isChoosy }, 'a', { uids, violations: 0 });
        if (typeof answer === 'string') continue;
        expect(fits(answer.uids)).toBe(true);
        if (isChoosy) expect(uids.filter((uid) => !answer.uids.includes(uid))).toEqual([]);
      }
    }
  });
});
