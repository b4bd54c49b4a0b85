import fc from 'fast-check';
import { judgedNode } from '../../../scheduler-plugin/filter.ts';
import { createJudgements, type Judging } from '../../../scheduler-plugin/judgements.ts';
import { createNodeNames } from '../../../scheduler-plugin/node-names.ts';
import type { NodeFacts } from '../../../scheduler-plugin/node-facts.ts';
import { createLedger } from '../../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../../scheduler-plugin/placement/report-facts.ts';
import { node, report, reportedZone, wanted, world } from '../../build/placement.ts';

const NAMES = ['a', 'b', 'c', 'unknown'];
const ORDERS = [NAMES, NAMES.toReversed(), ['b', 'unknown', 'a', 'c'], ['c', 'a']];
const IMAGE = 7;
const read = createReportReader();

function rig() {
  const nodes = new Map<string, NodeFacts>();
  const ledger = createLedger((name) => judgements.changed(name));
  const cluster: Judging = {
    ...world({
      node: (name) => nodes.get(name),
      cpu: (name) => ledger.report(name)?.cpu,
      verdict: (name, vm) => ledger.verdict(name, vm),
      vmsOn: (name) => ledger.vmsOn(name),
    }),
    reservedOn: (uid) => ledger.reservedOn(uid),
  };
  const judgements = createJudgements(cluster, createNodeNames());
  const setNode = (name: string, slots: number): void => {
    if (slots < 0) {
      nodes.delete(name);
      return judgements.gone(name);
    }
    nodes.set(name, node({ name, slots: { kvm: slots, tcg: 0 }, images: { has: (image) => slots > 1 && image === IMAGE } }));
    judgements.changed(name);
  };
  return { ledger, cluster, judgements, setNode };
}

/** Two pods of each of ten shapes: more shapes than are remembered. */
const guests = Array.from({ length: 20 }, (_, index) => {
  const kind = index % 10;
  const fields = {
    uid: `uid-${index}`,
    image: kind < 5 ? IMAGE : 1,
    ...(kind < 8 ? { memory: '2Mi' as const, amount: 10 + kind } : {}),
  };
  return wanted(fields, kind === 9 ? { image: 'require' } : {});
});
const step = fc.record({ kind: fc.constantFrom('node', 'node', 'leave', 'report', 'pod', 'ended', 'gone', 'reserve', 'expire', 'ask', 'ask', 'ask'), name: fc.constantFrom('a', 'b', 'c'), guest: fc.nat(19), amount: fc.integer({ min: -1, max: 40 }) }); // prettier-ignore

test('what is remembered is what would be found out anew, whatever happens between', () => {
  const change = ({ ledger, setNode }: ReturnType<typeof rig>, { kind, name, guest, amount }: typeof step extends fc.Arbitrary<infer T> ? T : never): void => {
    const vm = { uid: `uid-${guest}`, node: name, owner: 'o', ended: kind === 'ended', needs: { memory: '2Mi', amount: 10, cpus: 0, functions: [] }, plan: undefined } as const;
    if (kind === 'node') setNode(name, Math.min(amount, 2));
    if (kind === 'leave') setNode(name, -1);
    if (kind === 'report') ledger.setReport(name, amount < 0 ? undefined : read(report({ zones: [reportedZone(0, amount)] })));
    if (kind === 'pod' || kind === 'ended') ledger.setPod(`ns/${guest}`, vm);
    if (kind === 'gone') ledger.setPod(`ns/${guest}`, undefined);
    if (kind === 'reserve') ledger.reserve({ ...vm, expiresAt: amount });
    if (kind === 'expire') ledger.expire(amount);
  }; // prettier-ignore
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const all = rig();
      const whole = world(all.cluster);
      for (const one of steps) {
        change(all, one);
        if (one.kind !== 'ask') continue;
        const guest = guests[one.guest]!;
        const names = ORDERS[(one.amount + 1) % ORDERS.length]!;
        // A pod that is bound is not asked about: of its own claims only a reservation is left out.
        const uidOn = (name: string): string => (all.ledger.reservedOn(guest.uid) === name ? guest.uid : '');
        const fresh = names.map((name) => judgedNode(name, all.cluster.node(name), { ...guest, uid: uidOn(name) }, whole));
        expect(all.judgements.judged(names, guest)).toEqual(fresh);
      }
    }),
    { numRuns: 500 },
  );
});

test('nothing is found out twice while nothing changes', () => {
  const { judgements, setNode, ledger } = rig();
  for (const name of ['a', 'b']) setNode(name, 2);
  const [first, second] = [guests[0]!, guests[10]!];
  const before = judgements.judged(['a', 'b'], first);
  ledger.setReport('b', read(report()));
  const after = judgements.judged(['b', 'a'], second);
  expect([after[1] === before[0], after[0] === before[1]]).toEqual([true, false]);
});
