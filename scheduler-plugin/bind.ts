import { PLAN_ANNOTATION } from '../api/names.ts';
import { type Plan, planText } from '../api/placement-plan.ts';
import type { KubeClient } from '../kube/client.ts';
import { isConflict, KubeError } from '../kube/errors.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import { keepNewest } from '../runtime/newest.ts';
import type { GuestOutcome, World } from './filter.ts';
import { nodeReason } from './node-reason.ts';
import type { Ledger } from './placement/ledger.ts';
import { concernsZones } from './placement/rules.ts';
import type { Trials } from './placement/trials.ts';
import type { Wanted } from './placement/wanted.ts';
import type { BindRequest, ExtenderPod } from './protocol.ts';

/**
 * How a binding ended. `conflict`: the room went to another VM since the filter; `held`: kubelets have to speak of other pods of its controller first.
 * The scheduler tries again by itself.
 */
export type BindOutcome = { readonly kind: 'bound' } | { readonly kind: 'conflict' | 'held' | 'failed'; readonly reason: string };

export interface BinderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly trials: Trials;
  readonly world: World;
  readonly guest: (pod: ExtenderPod) => GuestOutcome;
}

/** How long a reservation waits for the watch to show its pod bound: far longer than a watch is ever behind. */
const RESERVED_MS = 300_000;
/** Pods remembered between filter and bind; others are read from the API server. */
const REMEMBERED = 2_000;

/** How long a binding waits for a kubelet's word on others, and how often it looks; the scheduler's `httpTimeout` is 2 s. */
const HOLD_MS = 1_000;
const LOOK_MS = 100;

/** The last step of a placement: the one moment that reserves. */
export interface Binder {
  /** Remembers what a VM wants until it is bound. */
  remember(guest: Wanted): void;
  bind(request: BindRequest): Promise<BindOutcome>;
}

/**
 * Binds pods. Checking again and reserving happen without a pause between them, so of two VMs that want the same room one is refused; only then is
 * the API server asked. The plan travels in the Binding: the API server copies its annotations to the pod in the same write, so whoever sees
 * the pod bound, after a crash of ours too, sees its claim.
 */
export function createBinder(options: BinderOptions): Binder {
  const remembered = new Map<string, Wanted>();
  const underWay = new Set<string>();
  return {
    remember: (guest) => keepNewest(remembered, guest.uid, guest, REMEMBERED),
    bind: async (request) => {
      if (underWay.has(request.uid)) return { kind: 'failed', reason: 'an earlier binding of it is under way' };
      underWay.add(request.uid);
      const bound = await bindOnce(options, request, remembered.get(request.uid)).finally(() => underWay.delete(request.uid));
      if (bound.kind === 'bound') remembered.delete(request.uid);
      return bound;
    },
  };
}

async function bindOnce(options: BinderOptions, request: BindRequest, known?: Wanted): Promise<BindOutcome> {
  const earlier = await earlierBinding(options, request);
  if (earlier !== undefined) return earlier;
  const outcome = await guestOf(options, request, known);
  if (!outcome.ok) return { kind: 'failed', reason: outcome.reason };
  const reserved = reserve(options, request, outcome.guest);
  if (!reserved.ok) return { kind: 'conflict', reason: reserved.reason };
  const held = await trial(options, outcome.guest);
  if (held !== '') return { kind: 'held', reason: held };
  const bound = await writeBinding(options, request, reserved.plan);
  if (bound.kind !== 'bound' && options.ledger.reservedOn(request.uid) === undefined) options.trials.drop(outcome.guest);
  return bound;
}

async function guestOf(options: BinderOptions, { name, namespace, uid }: BindRequest, known?: Wanted): Promise<GuestOutcome> {
  if (known !== undefined) return { ok: true, guest: known };
  try {
    const pod = await options.client.get<ExtenderPod>(pathOf(KINDS.pods, { namespace, name }));
    return pod.metadata?.uid === uid ? options.guest(pod) : { ok: false, reason: 'the pod was made anew since' };
  } catch (error) {
    return { ok: false, reason: `the pod cannot be read: ${messageOf(error)}` };
  }
}

/**
 * The scheduler gives up on a binding after its `httpTimeout` and asks again, perhaps for another node, while the first is under way or done. Its room may
 * be given away only when the pod is known to have no node; undefined = it has none.
 */
async function earlierBinding(options: BinderOptions, request: BindRequest): Promise<BindOutcome | undefined> {
  const { uid, node } = request;
  const reserved = options.ledger.reservedOn(uid);
  if (reserved === undefined || reserved === node) return undefined;
  const where = await nodeOf(options, request);
  if (where === '') return undefined;
  if (where === node) return { kind: 'bound' };
  return { kind: 'failed', reason: where === undefined ? 'the pod cannot be read' : 'it was bound to another node meanwhile' };
}

type Reserved = { readonly ok: true; readonly plan: Plan | undefined } | { readonly ok: false; readonly reason: string };

/** Synchronous, and has to stay so: nothing may come between the check and the claim. */
function reserve({ clock, ledger, world }: BinderOptions, { uid, node }: BindRequest, guest: Wanted): Reserved {
  const reason = nodeReason(guest, world.node(node), withVolumes(world));
  if (reason !== '') return { ok: false, reason };
  const plan = concernsZones(guest) ? world.verdict(node, guest)?.fit?.plan : undefined;
  const { owner, volumeClaims } = guest;
  ledger.reserve({ uid, node, owner, needs: guest, plan, volumeClaims, expiresAt: clock.now() + RESERVED_MS });
  return { ok: true, plan };
}

/** The scheduler has waited for the VM's volumes before it asks to bind: there is no room to look for any more. */
function withVolumes(world: World): World {
  const storage: World['storage'] = (wanted) => {
    const ask = world.storage(wanted);
    return ask === undefined ? undefined : { ...ask, poolReason: () => '' };
  };
  return { ...world, storage };
}

/** Its room stays reserved while it waits. */
async function trial({ clock, ledger, trials }: BinderOptions, guest: Wanted): Promise<string> {
  const until = clock.now() + HOLD_MS;
  let reason = trials.begin(guest, clock.now());
  while (reason !== '' && clock.now() < until) {
    await clock.sleep(LOOK_MS);
    reason = trials.begin(guest, clock.now());
  }
  if (reason !== '') ledger.release(guest.uid);
  return reason;
}

async function writeBinding(options: BinderOptions, request: BindRequest, plan: Plan | undefined): Promise<BindOutcome> {
  const { name, namespace, uid, node } = request;
  const annotations = plan === undefined ? {} : { annotations: { [PLAN_ANNOTATION]: planText(plan) } };
  try {
    await options.client.create(pathOf(KINDS.pods, { namespace, name, subresource: 'binding' }), {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid, ...annotations },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    });
    return { kind: 'bound' };
  } catch (error) {
    return afterError(options, request, error);
  }
}

/** A binding that failed, or that an earlier request of the same scheduler has made already. */
async function afterError(options: BinderOptions, request: BindRequest, error: unknown): Promise<BindOutcome> {
  const failed = { kind: 'failed', reason: `the API server did not bind the pod: ${messageOf(error)}` } as const;
  const where = isConflict(error) ? await nodeOf(options, request) : 'elsewhere';
  if (where === request.node) return { kind: 'bound' };
  // Without an answer, or with a server's error, it may have been bound all the same: the reservation stays until the watch tells, or its end.
  const isRefused = error instanceof KubeError && error.status >= 400 && error.status < 500 && error.status !== 429;
  if (isRefused && where !== undefined) options.ledger.release(request.uid);
  return failed;
}

/** The pod's node, '' = none; undefined = it cannot be told now. */
async function nodeOf({ client }: BinderOptions, { name, namespace, uid }: BindRequest): Promise<string | undefined> {
  type BoundPod = ExtenderPod & { readonly spec?: { readonly nodeName?: string } };
  const pod = await client.get<BoundPod>(pathOf(KINDS.pods, { namespace, name })).catch(() => undefined);
  return pod?.metadata?.uid === uid ? (pod.spec?.nodeName ?? '') : undefined;
}
