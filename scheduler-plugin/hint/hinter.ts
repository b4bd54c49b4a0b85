import { BETTER_NODE } from '../../api/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNoLongerThere, isNotFound } from '../../kube/errors.ts';
import type { Lease } from '../../kube/lease-plan.ts';
import { splitKey } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Log } from '../../runtime/log.ts';
import { type GuestOutcome, judgeNodes, type World } from '../filter.ts';
import type { BoundVm, Ledger } from '../placement/ledger.ts';
import type { PodObject } from '../placement/pod-facts.ts';
import type { Wanted } from '../placement/wanted.ts';
import type { ExtenderPod } from '../protocol.ts';
import { complaintsOf, type Hint, hintFor, isSuspicious, type Lying, lyingOf } from './hint.ts';

/** Tells running VMs, by a condition, that another node would be clearly better. Never moves anything. */
export interface Hinter {
  start(): void;
  stop(): Promise<void>;
}

export interface HinterOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly world: World;
  readonly ledger: Ledger;
  readonly guest: (pod: ExtenderPod) => GuestOutcome;
  /** Between two rounds. Milliseconds. */
  readonly intervalMs: number;
  /** The Lease of the scheduler, `namespace/name`: whose extender writes. */
  readonly lease: string;
  /** This pod, as kube-scheduler names itself in the Lease. */
  readonly hostname: string;
  readonly unready: () => string;
}

/** VMs read in one round; the next round goes on with others. */
const MOST_READ = 200;
/** Nodes looked at between two pauses. */
const SLICE = 100;

/** Does nothing before `start`. */
export function createHinter(options: HinterOptions): Hinter {
  const { clock, intervalMs, log } = options;
  const stopping = new AbortController();
  let turn = 0;
  let loop: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(intervalMs, stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        turn += await round(options, turn, stopping.signal);
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'cannot look for better nodes');
      }
    }
  };
  return {
    start: () => {
      loop ??= run();
    },
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

/** How many VMs were read. */
async function round(options: HinterOptions, turn: number, stop: AbortSignal): Promise<number> {
  if (options.unready() !== '') return 0;
  const all = await suspects(options, stop);
  if (all.length === 0 || !(await isLeader(options))) return 0;
  const from = turn % all.length;
  const some = [...all.slice(from), ...all.slice(0, from)].slice(0, MOST_READ);
  for (const vm of some) {
    if (stop.aborted) break;
    await judge(options, vm);
  }
  return some.length;
}

/** VMs that do not lie as they might wish, and those that were told so before. */
async function suspects({ ledger, world, clock }: HinterOptions, stop: AbortSignal): Promise<readonly BoundVm[]> {
  const found: BoundVm[] = [];
  for (const [index, { name }] of world.nodes().entries()) {
    if (index % SLICE === SLICE - 1) await clock.sleep(0, stop);
    for (const claim of ledger.claims(name)) {
      if (!('ended' in claim) || claim.leavesBy !== undefined) continue;
      const lying = lyingNow({ ledger, world }, claim);
      if (claim.isHinted === true || (lying !== undefined && isSuspicious(lying))) found.push(claim);
    }
  }
  return found;
}

function lyingNow({ ledger, world }: Pick<HinterOptions, 'ledger' | 'world'>, vm: BoundVm): Lying | undefined {
  const report = ledger.report(vm.node);
  const { uid, volumeClaims = [] } = vm;
  const data = world.storage({ uid, volumeClaims });
  // Disks that are near to all nodes, or of which nobody tells, are nothing to complain of.
  const share = data === undefined || data.dataReason(vm.node) === '' ? undefined : data.shares([vm.node])?.[0];
  return report && lyingOf(vm, report, share);
}

/** Without a Lease there is one scheduler. */
async function isLeader({ client, lease, hostname }: HinterOptions): Promise<boolean> {
  const { namespace = '', name } = splitKey(lease);
  try {
    const { spec } = await client.get<Lease>(pathOf(KINDS.leases, { namespace, name }));
    return spec?.holderIdentity?.startsWith(`${hostname}_`) === true;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

/** Reads the VM as it is now, and writes only what is new. */
async function judge(options: HinterOptions, vm: BoundVm): Promise<void> {
  const { client, ledger } = options;
  const key = ledger.keyOf(vm.uid);
  if (key === undefined) return;
  const path = pathOf(KINDS.pods, splitKey(key));
  try {
    const pod = await client.get<PodObject>(path);
    const outcome = options.guest(pod);
    if (pod.metadata.uid !== vm.uid || !outcome.ok) return;
    const before = toldOf(pod);
    const hint = hintNow(options, vm, outcome.guest, before);
    if (hint?.message === before) return;
    const body = { metadata: { uid: vm.uid }, status: { conditions: [conditionOf(hint, options.clock.now())] } };
    await client.patch(path, { type: 'strategic', body, subresource: 'status' });
  } catch (error) {
    if (!isNoLongerThere(error)) throw error;
  }
}

function toldOf({ status }: PodObject): string | undefined {
  const told = status?.conditions?.find(({ type }) => type === BETTER_NODE);
  return told?.status === 'True' ? told.message : undefined;
}

function hintNow({ ledger, world }: HinterOptions, vm: BoundVm, guest: Wanted, before: string | undefined): Hint | undefined {
  const lying = lyingNow({ ledger, world }, vm);
  const complaints = lying === undefined ? [] : complaintsOf(guest, lying);
  if (lying === undefined || complaints.length === 0) return undefined;
  const names = world.nodes().flatMap(({ name }) => (name === vm.node ? [] : [name]));
  const passed = judgeNodes({ pod: {}, names }, { ok: true, guest }, world).flatMap(({ name, reason }) =>
    reason === '' ? [name] : [],
  );
  const [here, ...others] = world.judged([vm.node, ...passed], guest);
  if (here === undefined) return undefined;
  const shares = world.storage(guest)?.shares([vm.node, ...passed]);
  return hintFor({ guest, complaints, lying, here, others, shares, named: /^Node (\S+) /.exec(before ?? '')?.[1] });
}

function conditionOf(hint: Hint | undefined, now: number): object {
  const lastTransitionTime = `${new Date(now).toISOString().slice(0, 19)}Z`;
  if (hint === undefined)
    return {
      type: BETTER_NODE,
      status: 'False',
      reason: 'WellPlaced',
      message: 'No other node is clearly better.',
      lastTransitionTime,
    };
  return { type: BETTER_NODE, status: 'True', reason: hint.reason, message: hint.message, lastTransitionTime };
}
