import fc from 'fast-check';
import { memoryPlan, type MemoryFacts, type MemoryPlan, placeMemory } from '../../../../agent/memory/plan.ts';
import type { ZoneFacts } from '../../../../agent/report/zones.ts';
import type { GuestSpec } from '../../../../api/guest-spec.ts';
import { planText } from '../../../../api/placement-plan.ts';
import { guestSpec } from '../../../build/guest.ts';

const MIB = 1024 * 1024;
/** 64 pages of 2 MiB, or 128 MiB of plain memory. */
const PAGES = guestSpec({ hugepages: '2Mi' });
const PLAIN = guestSpec({ placement: { numa: 'require' } });

const text = (...zones: readonly { id: number; amount: number; cpus?: number }[]) =>
  planText({ zones: zones.map((zone) => ({ cpus: 0, ...zone })), functions: [] });
const ONE = text({ id: 1, amount: 64 });

describe('memory that follows a plan', () => {
  test.each<[string, GuestSpec, string | undefined, number[] | undefined]>([
    ['huge pages, whatever was said of them', PAGES, ONE, [1]],
    ['huge pages that are preferred', { ...PAGES, placement: { hugepages: 'prefer=3' } }, ONE, [1]],
    ['huge pages of several zones', PAGES, text({ id: 2, amount: 32 }, { id: 0, amount: 32 }), [2, 0]],
    ['plain memory where numa is required', PLAIN, text({ id: 1, amount: 128 * MIB }), [1]],
    ['zones of CPUs alone are none of memory', PAGES, text({ id: 0, amount: 0, cpus: 1 }, { id: 1, amount: 64 }), [1]],
    ['not huge pages that may lie anywhere', { ...PAGES, placement: { hugepages: 'ignore', numa: 'require' } }, ONE, undefined],
    ['not plain memory that nobody required', guestSpec(), text({ id: 1, amount: 128 * MIB }), undefined],
    ['nor when it is only preferred', guestSpec({ placement: { numa: 'prefer=10' } }), text({ id: 1, amount: 128 * MIB }), undefined],
    ['no plan', PAGES, undefined, undefined],
    ['a plan for less than the guest', PAGES, text({ id: 1, amount: 63 }), undefined],
    ['a plan for more than the guest', PAGES, text({ id: 1, amount: 65 }), undefined],
    ['a plan in another unit', PAGES, text({ id: 1, amount: 128 * MIB }), undefined],
    ['a zone that is named twice', PAGES, text({ id: 1, amount: 32 }, { id: 1, amount: 32 }), undefined],
    ['a zone below zero', PAGES, '{"zones":[{"id":-1,"cpus":0,"amount":64}],"functions":[]}', undefined],
    ['a zone that is no number', PAGES, '{"zones":[{"id":"0-7","cpus":0,"amount":64}],"functions":[]}', undefined],
    ['text that is no plan', PAGES, 'zone 1', undefined],
  ])('%s', (_, guest, annotation, zones) => expect(memoryPlan(guest, annotation)?.zones.map(({ id }) => id)).toEqual(zones)); // prettier-ignore

  test.each<[string, GuestSpec, boolean]>([
    ['nothing', PAGES, false],
    ['hugepages: prefer', { ...PAGES, placement: { hugepages: 'prefer' } }, false],
    ['hugepages: require', { ...PAGES, placement: { hugepages: 'require' } }, true],
    ['numa: require', { ...PAGES, placement: { numa: 'require' } }, true],
    ['numa: require and hugepages: prefer', { ...PAGES, placement: { numa: 'require', hugepages: 'prefer' } }, true],
    ['numa: prefer', { ...PAGES, placement: { numa: 'prefer' } }, false],
  ])('is required by %s: see', (_, guest, required) => expect(memoryPlan(guest, ONE)?.required).toBe(required));
});

/** A zone with CPUs `id * 2` and the next, so many free pages of 2 MiB and as much free memory as they are. */
function zone(id: number, pages: number): ZoneFacts {
  const memory = { totalBytes: 1024 * MIB, freeBytes: pages * 2 * MIB };
  const hugepages = { '2Mi': { total: 512, free: pages } };
  return { zone: { id, cpus: 2, memory, hugepages, distances: [10, 20] }, cpuIds: [id * 2, id * 2 + 1] };
}
const facts = (change: Partial<MemoryFacts> = {}): MemoryFacts => ({
  allowed: [0, 1],
  zones: [zone(0, 500), zone(1, 500)],
  cpus: [],
  ...change,
});
const planned = (guest: GuestSpec, annotation: string): MemoryPlan => memoryPlan(guest, annotation)!;
const required = { ...PAGES, placement: { hugepages: 'require' } };
const BOTH = text({ id: 1, amount: 32 }, { id: 0, amount: 32 });
const WITH_CPUS = text({ id: 1, amount: 64, cpus: 2 });

test.each<[string, GuestSpec, string, MemoryFacts, object]>([
  ['the zone of the plan', PAGES, ONE, facts(), { do: 'bind', mems: '1' }],
  ['plain memory, too', PLAIN, text({ id: 0, amount: 128 * MIB }), facts(), { do: 'bind', mems: '0' }],
  ['the zones of all cells together', PAGES, BOTH, facts({ allowed: [0, 1, 2] }), { do: 'bind', mems: '0,1' }],
  ['nothing to do where all zones are planned', PAGES, BOTH, facts(), { do: 'nothing' }],
  ['nor where the kubelet allows no other', PAGES, ONE, facts({ allowed: [1] }), { do: 'nothing' }],
  ['a cgroup that says nothing is not trusted to be bound', PAGES, ONE, facts({ allowed: [] }), { do: 'bind', mems: '1' }],
  ['nor needs to be on a node of one zone', PAGES, text({ id: 0, amount: 64 }), facts({ allowed: [], zones: [zone(0, 500)] }), { do: 'nothing' }],
  ['the kubelet has given memory elsewhere', required, ONE, facts({ allowed: [0] }), { do: 'leave', reason: 'the container may have memory of zone 0 only' }],
  ['the kubelet has given a part', required, BOTH, facts({ allowed: [1] }), { do: 'leave', reason: 'the container may have memory of zone 1 only' }],
  ['a zone the node does not have', required, text({ id: 7, amount: 64 }), facts(), { do: 'leave', reason: 'the container may have memory of zones 0,1 only' }],
  ['the kubelet has given CPUs elsewhere than planned', required, WITH_CPUS, facts({ cpus: [0, 1] }), { do: 'leave', reason: 'the kubelet gave the guest CPUs of zone 0' }],
  ['the kubelet has given CPUs as planned, in part', required, WITH_CPUS, facts({ cpus: [1, 2] }), { do: 'bind', mems: '1' }],
  ['CPUs that no plan had in a zone', required, ONE, facts({ cpus: [0, 1] }), { do: 'bind', mems: '1' }],
  ['too few pages, preferred', PAGES, ONE, facts({ zones: [zone(0, 500), zone(1, 63)] }), { do: 'leave', reason: 'zone 1 has 63 2Mi pages free, 64 2Mi pages were planned there' }],
  ['too few pages, required', required, ONE, facts({ zones: [zone(0, 500), zone(1, 63)] }), { do: 'refuse', reason: 'zone 1 has 63 2Mi pages free, 64 2Mi pages were planned there' }],
  ['just enough', required, ONE, facts({ zones: [zone(0, 0), zone(1, 64)] }), { do: 'bind', mems: '1' }],
  ['too little plain memory', PLAIN, text({ id: 1, amount: 128 * MIB }), facts({ zones: [zone(0, 500), zone(1, 10)] }), { do: 'refuse', reason: 'zone 1 has 20 MiB free, 128 MiB were planned there' }],
  ['too little in one of two', required, BOTH, facts({ zones: [zone(0, 500), zone(1, 31)] }), { do: 'refuse', reason: 'zone 1 has 31 2Mi pages free, 32 2Mi pages were planned there' }],
])('%s', (...[, guest, annotation, now, decision]) => expect(placeMemory(guest, planned(guest, annotation), now)).toEqual(decision)); // prettier-ignore

const ids = fc.uniqueArray(fc.nat(7), { maxLength: 6 });
const anyPlan = fc.record({
  zones: fc.uniqueArray(fc.record({ id: fc.nat(9), cpus: fc.nat(2), amount: fc.integer({ min: 1, max: 64 }) }), {
    selector: ({ id }) => id,
    minLength: 1,
    maxLength: 4,
  }),
  required: fc.boolean(),
});
const anyFacts = fc.record({
  allowed: ids,
  zones: fc.uniqueArray(fc.tuple(fc.nat(7), fc.nat(128)), { selector: ([id]) => id, minLength: 1 }).map((all) => all.map((one) => zone(...one))),
  cpus: fc.uniqueArray(fc.nat(15), { maxLength: 4 }),
}); // prettier-ignore

test('T27: whatever plan and node: never a zone more than before, never all that is needed elsewhere, never refused unless required', () => {
  fc.assert(
    fc.property(anyPlan, anyFacts, (plan, now) => {
      const decision = placeMemory(PAGES, plan, now);
      if (decision.do === 'refuse') expect(plan.required).toBe(true);
      if (decision.do !== 'bind') return;
      const mems = decision.mems.split(',').map(Number);
      const before = now.allowed.length > 0 ? now.allowed : now.zones.map((one) => one.zone.id);
      expect(before).toEqual(expect.arrayContaining(mems));
      expect(mems.length).toBeLessThan(before.length);
      for (const { id, amount } of plan.zones) {
        expect(now.zones.find((one) => one.zone.id === id)?.zone.hugepages['2Mi']?.free).toBeGreaterThanOrEqual(amount);
      }
    }),
    { numRuns: 2_000 },
  );
});
