import { readStoredGuest } from '../../api/parse-stored.ts';
import type { KubeClient } from '../../kube/client.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import type { BoundVm } from '../placement/ledger.ts';
import type { PodObject } from '../placement/pod-facts.ts';
import { needsOf } from '../placement/wanted.ts';
import { type Source, sourceOf } from '../sources/source.ts';
import { WAITING_VMS } from '../sources/vm-pods.ts';
import { type Budget, budgetOf, type BudgetObject } from './budgets.ts';
import { createNominations, type Nomination, type Nominations } from './nominations.ts';

/** What preemption follows of the cluster beside what placement does. */
export interface PreemptionWatches {
  readonly nominations: Nominations;
  /** None while the account may not read them: violations are then not counted. */
  budgets(): readonly Budget[];
  /** No VM seen on a node so far had a lower one. */
  lowestPriority(): number;
  /** A VM was seen on a node. */
  note(vm: BoundVm | undefined): void;
  /** What must have been read before anything is decided, and what need not. */
  readonly required: readonly Source[];
  readonly optional: readonly Source[];
}

/** Watches that have not begun. */
export function createPreemptionWatches(options: {
  client: KubeClient;
  clock: Clock;
  random: Random;
  log: Log;
}): PreemptionWatches {
  const nominations = createNominations();
  const uids = new Map<string, string>();
  let lowest = Number.MAX_SAFE_INTEGER;
  const waiting = createReflector({
    ...options,
    path: pathOf(KINDS.pods),
    query: WAITING_VMS,
    keep: (raw) => nominationOf(raw as PodObject),
    onChange: (key, nomination) => {
      const before = uids.get(key);
      if (before !== undefined && before !== nomination?.uid) nominations.set(before, undefined);
      if (nomination === undefined) return void uids.delete(key);
      uids.set(key, nomination.uid);
      nominations.set(nomination.uid, nomination);
    },
  });
  const budgets = createReflector({
    ...options,
    path: pathOf(KINDS.disruptionBudgets),
    keep: (raw) => budgetOf(raw as BudgetObject),
  });
  return {
    nominations,
    required: [sourceOf('nominations', waiting)],
    optional: [sourceOf('poddisruptionbudgets', budgets)],
    budgets: () => budgets.list(),
    lowestPriority: () => lowest,
    note: (vm) => {
      lowest = Math.min(lowest, vm?.standing?.priority ?? lowest);
    },
  };
}

/** Undefined for a pod that no room is being made for. */
export function nominationOf({ metadata, spec, status }: PodObject): Nomination | undefined {
  const node = status?.nominatedNodeName ?? '';
  const { uid, annotations = {} } = metadata;
  if (node === '' || uid === undefined) return undefined;
  const stored = readStoredGuest({ metadata: { annotations } });
  return stored.ok ? { uid, node, priority: spec?.priority ?? 0, needs: needsOf(stored.guest) } : undefined;
}
