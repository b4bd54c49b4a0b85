import type { Counter } from 'prom-client';
import { ROOM_FOUND } from '../../api/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNoLongerThere } from '../../kube/errors.ts';
import { splitKey } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Log } from '../../runtime/log.ts';
import type { Decisions } from '../decisions.ts';
import { judgeNodes, type World } from '../filter.ts';
import { nextWakes, type Wake } from './next-wakes.ts';
import { createWaitingVms, type WaitingVm, type WaitingVms } from './waiting-vms.ts';

/**
 * Wakes VMs that wait. kube-scheduler looks again at a pod that an extender refused when any object that it watches changes, and it does not watch what we
 * know more (NodeReports, a back-off that is over): such a pod would lie for up to five minutes. A change of the pod itself is such an event (ADR 0014).
 */
export interface Waker {
  /** Told what was decided, as the decisions are. */
  readonly listens: Pick<Decisions, 'filtered' | 'bound'>;
  /** Something is new about a node that the scheduler does not see. */
  changed(node: string): void;
  stop(): Promise<void>;
}

export interface WakerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly world: World;
  readonly wakes: Counter;
}

/** Reports of several agents come together. */
const LOOK_MS = 1_000;
/** What no report tells: a back-off that is over, or another source's news. */
const ALL_MS = 30_000;

/** Times nothing while nobody waits. */
export function createWaker(options: WakerOptions): Waker {
  const { clock } = options;
  const waiting = createWaitingVms();
  const news = new Set<string>();
  const stopping = new AbortController();
  let work = Promise.resolve();
  const enqueue = (changed: ReadonlySet<string> | undefined): void => {
    work = work.then(() => look(options, waiting, { changed, news, stop: stopping.signal })).then(arm);
  };
  const soon = once(clock, LOOK_MS, () => {
    const changed = new Set(news);
    news.clear();
    enqueue(changed);
  });
  const all = once(clock, ALL_MS, () => enqueue(undefined));
  function arm(): void {
    if (stopping.signal.aborted || waiting.size() === 0) return news.clear();
    if (news.size > 0) soon.arm();
    all.arm();
  }
  return {
    listens: listener(options, waiting, arm),
    changed: (node) => {
      if (waiting.size() === 0) return;
      news.add(node);
      arm();
    },
    stop: async () => {
      stopping.abort();
      soon.cancel();
      all.cancel();
      await work;
    },
  };
}

function listener({ clock }: WakerOptions, waiting: WaitingVms, arm: () => void): Waker['listens'] {
  return {
    filtered: ({ metadata = {} }, verdicts, guest) => {
      const { uid = '', namespace = '', name = '' } = metadata;
      const isRefused = verdicts.length > 0 && verdicts.every(({ reason }) => reason !== '');
      if (guest === undefined || !isRefused) return waiting.gone(namespace, name);
      const nodes = verdicts.map((one) => one.name);
      waiting.refused({ uid, namespace, name, guest }, nodes, clock.now());
      arm();
    },
    bound: (key, { reason }) => {
      const { namespace = '', name } = splitKey(key);
      if (reason === '') waiting.gone(namespace, name);
    },
  };
}

/** A timer that runs once for any number of calls. */
function once(clock: Pick<Clock, 'timer'>, ms: number, fn: () => void): { arm(): void; cancel(): void } {
  let timer: { cancel(): void } | undefined;
  return {
    arm: () => {
      timer ??= clock.timer(ms, () => {
        timer = undefined;
        fn();
      });
    },
    cancel: () => timer?.cancel(),
  };
}

interface Looking {
  /** See {@link nextWakes}. */
  readonly changed: ReadonlySet<string> | undefined;
  /** For the next look. */
  readonly news: Set<string>;
  readonly stop: AbortSignal;
}

async function look(options: WakerOptions, waiting: WaitingVms, { changed, news, stop }: Looking): Promise<void> {
  if (stop.aborted) return;
  const { clock, world } = options;
  const firstThatPasses = ({ guest }: WaitingVm, names: readonly string[]): string | undefined =>
    judgeNodes({ pod: {}, names }, { ok: true, guest }, world).find(({ reason }) => reason === '')?.name;
  const wakes = await nextWakes({ due: waiting.due(clock.now()), changed, firstThatPasses, rest: () => clock.sleep(0, stop) });
  for (const one of wakes) {
    waiting.woken(one.vm, clock.now());
    // It may have room for another.
    news.add(one.node);
    if (!(await wake(options, one))) waiting.gone(one.vm.namespace, one.vm.name);
  }
}

/** False when the pod is no more. The UID in the patch keeps it from another pod of the same name. */
async function wake({ client, clock, log, wakes }: WakerOptions, { vm, node }: Wake): Promise<boolean> {
  const { uid, namespace, name } = vm;
  const condition = {
    type: ROOM_FOUND,
    status: 'True',
    reason: 'FactsChanged',
    message: `Node ${node} refused the VM and would take it now; the scheduler looks again.`,
    lastTransitionTime: `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
  };
  const body = { metadata: { uid }, status: { conditions: [condition] } };
  try {
    await client.patch(pathOf(KINDS.pods, { namespace, name }), { type: 'strategic', body, subresource: 'status' });
    wakes.inc();
    return true;
  } catch (error) {
    if (isNoLongerThere(error)) return false;
    log.warn({ pod: `${namespace}/${name}`, reason: messageOf(error) }, 'cannot wake a VM that waits');
    return true;
  }
}
