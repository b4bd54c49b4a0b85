import type { BoundVm } from '../../scheduler-plugin/placement/ledger.ts';
import type { Standing } from '../../scheduler-plugin/preemption/standing.ts';

/** A VM bound to node a that takes nothing; standing as said. */
export function boundVm(uid: string, standing: Partial<Standing> = {}, fields: Partial<BoundVm> = {}): BoundVm {
  return {
    uid,
    node: 'a',
    owner: `owner-${uid}`,
    ended: false,
    needs: { memory: 'plain', amount: 0, cpus: 0, functions: [] },
    plan: undefined,
    standing: { namespace: 'team', priority: 0, labels: {}, requests: {}, repels: false, ...standing },
    since: 1_000,
    ...fields,
  };
}
