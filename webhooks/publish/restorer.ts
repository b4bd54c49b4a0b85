import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../kube/errors.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import type { ResourceKind } from '../../kube/paths.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { createBudget } from './budget.ts';
import type { Budget } from './budget.ts';
import { CORRECTIONS, createKeeper } from './keeper.ts';
import type { Keeper } from './keeper.ts';
import { nextRestoreAction } from './next-restore-action.ts';
import type { KeptObject, RestoreAction } from './next-restore-action.ts';
import type { Restorations } from './restorations.ts';

/** What the restorer needs. */
export interface RestorerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** As they should be. */
  readonly objects: readonly KeptObject[];
  readonly restorations: Restorations;
}

const KIND_OF: Readonly<Record<string, ResourceKind>> = {
  ValidatingAdmissionPolicy: KINDS.admissionPolicies,
  ValidatingAdmissionPolicyBinding: KINDS.admissionPolicyBindings,
};

/**
 * Puts our admission policies back when somebody deletes or changes them. Runs in every replica: the API server's version check lets one
 * write through, and only whose write counted reports it (ADR 0012).
 */
export function createRestorer(options: RestorerOptions): Keeper {
  const { objects } = options;
  const budget = createBudget(CORRECTIONS);
  return createKeeper({
    ...options,
    objects: objects.map((object) => ({ path: pathOf(kindOf(object)), name: object.metadata.name })),
    work: async (present) => {
      const actions = objects.map((object, index) => nextRestoreAction(present[index] as KeptObject | undefined, object));
      return restoreAll(actions, budget, options);
    },
    failure: 'restoring the admission policies failed; trying again',
  });
}

function kindOf({ kind }: KeptObject): ResourceKind {
  const found = KIND_OF[kind];
  if (found === undefined) throw new Error(`bug: nothing restores objects of kind ${kind}`);
  return found;
}

async function restoreAll(actions: readonly RestoreAction[], budget: Budget, options: RestorerOptions): Promise<number> {
  for (const action of actions) {
    if (action.kind === 'none') continue;
    const waitMs = budget.take(options.clock.now());
    if (waitMs > 0) {
      options.log.warn({ waitMs }, 'somebody keeps changing the admission policies; restoring them less often');
      return waitMs;
    }
    await restore(action, options);
  }
  return 0;
}

async function restore(action: Exclude<RestoreAction, { kind: 'none' }>, options: RestorerOptions): Promise<void> {
  const { client, log, restorations } = options;
  const { body } = action;
  const { name } = body.metadata;
  const kind = kindOf(body);
  try {
    const written =
      action.kind === 'create'
        ? await client.create<KeptObject>(pathOf(kind), body)
        : await client.replace<KeptObject>(pathOf(kind, { name }), body);
    const fields = action.kind === 'create' ? [] : action.fields;
    // A write that changed nothing: a newer API server has defaults this code does not know.
    if (written.metadata.resourceVersion === body.metadata.resourceVersion) return;
    restorations.report({ ...body, metadata: written.metadata }, fields);
    log.warn({ kind: body.kind, name, fields }, 'admission policy restored');
  } catch (error) {
    // Somebody was faster; the watch brings what they wrote and wakes us.
    if (!isConflict(error) && !isAlreadyExists(error) && !isNotFound(error)) throw error;
  }
}
