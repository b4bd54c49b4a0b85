import { createLedger, type Ledger } from '../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../scheduler-plugin/placement/report-facts.ts';
import { createNominations, keepingRoom } from '../../scheduler-plugin/preemption/nominations.ts';
import type { PreemptionBooks, Preemptor } from '../../scheduler-plugin/preemption/preemptor.ts';
import { boundVm } from './bound-vm.ts';
import { node, report, reportedZone, wanted, world } from './placement.ts';

/** What choosing victims needs, of nodes a and b. */
export function booksOf(ledger: Ledger): PreemptionBooks {
  const nominations = createNominations();
  const nodes = { node: (name: string) => node({ name }), nodes: () => [node(), node({ name: 'b' })] };
  const kept = keepingRoom(world(nodes), ledger, nominations);
  return { ledger, nominations, world: kept, budgets: () => [], clock: { now: () => 0 } };
}

/** Pages of each zone of {@link twoZones}. */
export const ZONE_PAGES = 100;

/** The example of docs/placement.md, node a: zone 0 has 60 pages taken (low priority) and 40 (high), zone 1 has 90 (middle) taken, 10 free. */
export function twoZones(): Ledger {
  const ledger = createLedger();
  const zones = [reportedZone(0, ZONE_PAGES), reportedZone(1, ZONE_PAGES)];
  ledger.setReport('a', createReportReader()(report({ zones })));
  const put = (uid: string, priority: number, id: number, amount: number): void => {
    const standing = { priority, requests: { 'hugepages-2Mi': amount } };
    const needs = { memory: '2Mi', amount, cpus: 0, functions: [] } as const;
    ledger.setPod(uid, boundVm(uid, standing, { needs, plan: { zones: [{ id, cpus: 0, amount }], functions: [] } }));
  };
  put('low', 1, 0, 60);
  put('high', 1000, 0, 40);
  put('middle', 2, 1, 90);
  return ledger;
}

/** The VM of that example. */
export const PREEMPTOR: Preemptor = {
  guest: wanted({ memory: '2Mi', amount: 70, priority: 100, uid: 'new' }),
  requests: { 'hugepages-2Mi': 70 },
  isChoosy: false,
};
