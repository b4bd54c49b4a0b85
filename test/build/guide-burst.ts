import { createLedger, type Ledger } from '../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../scheduler-plugin/placement/report-facts.ts';
import type { Room } from '../../scheduler-plugin/placement/room.ts';
import type { Wanted } from '../../scheduler-plugin/placement/wanted.ts';
import { report, reportedZone, wanted } from './placement.ts';

/** Pages of each zone of the node. */
export const BURST_ZONE_PAGES = 100;

/** What one VM of the burst was told when it was to be bound. */
export interface BurstStep {
  readonly guest: Wanted;
  /** What was free for it. */
  readonly room: Room;
  /** '' = bound, and its room reserved. */
  readonly reason: string;
  /** Reservations after it, whose pods no watch has shown yet. */
  readonly claims: readonly Claimed[];
}
type Claimed = ReturnType<Ledger['claims']> extends Iterable<infer One> ? One : never;

/** The example of docs/placement.md: three VMs of 60 pages are bound one right after the other on a node of two zones, faster than any watch. */
export function burst(): readonly BurstStep[] {
  const ledger = createLedger();
  const zones = [reportedZone(0, BURST_ZONE_PAGES), reportedZone(1, BURST_ZONE_PAGES)];
  ledger.setReport('a', createReportReader()(report({ zones })));
  return ['first', 'second', 'third'].map((uid) => {
    const guest = wanted({ memory: '2Mi', amount: 60, uid });
    const room = ledger.room('a', uid)!;
    const { reason = '', fit } = ledger.verdict('a', guest) ?? {};
    if (fit !== undefined) ledger.reserve({ uid, owner: uid, node: 'a', needs: guest, plan: fit.plan, expiresAt: Infinity });
    return { guest, room, reason, claims: [...ledger.claims('a')] };
  });
}
