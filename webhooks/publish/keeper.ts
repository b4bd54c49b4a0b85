import { aborted, createWake } from '../../certs/wake.ts';
import type { Wake } from '../../certs/wake.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { createReflector } from '../../kube/reflector.ts';
import type { Reflector, ReflectorOptions } from '../../kube/reflector.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { BudgetLimits } from './budget.ts';

/** What a keeper works with. */
export interface KeeperOptions extends Omit<ReflectorOptions<KubeObject>, 'path' | 'query' | 'onChange' | 'keep'> {
  /** Collections to follow, each narrowed to the one object of that name. */
  readonly objects: readonly { readonly path: string; readonly name: string }[];
  /**
   * Brings everything in order; `present` are the objects as last seen, in the order of `objects`. Resolves with the milliseconds until it
   * is to be called again, 0 = at the next change.
   */
  readonly work: (present: readonly (KubeObject | undefined)[]) => Promise<number>;
  /** Logged when `work` throws; it is called again a second later. */
  readonly failure: string;
}

/** Follows some objects and keeps them as they should be. */
export interface Keeper {
  start(): void;
  stop(): Promise<void>;
  /** Look again now. */
  poke(): void;
}

/** How long after a failure, or before something that is not there yet is looked for again. */
export const RETRY_MS = 1000;
/** During an upgrade two versions of us may want different things, and so may other tools: nobody's quarrel may flood the API server. */
export const CORRECTIONS: BudgetLimits = { burst: 20, refillMs: 30_000 };

/** One watch an object: permissions by name allow no other. */
export function createKeeper(options: KeeperOptions): Keeper {
  const wake = createWake();
  const stopping = new AbortController();
  const reflectors = options.objects.map(({ path, name }) =>
    createReflector({ ...options, path, query: { fieldSelector: `metadata.name=${name}` }, onChange: () => wake.now() }),
  );
  let loop: Promise<void> | undefined;
  return {
    start: () => {
      reflectors.forEach((reflector) => reflector.start());
      loop ??= keep(options, reflectors, wake, stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([...reflectors.map((reflector) => reflector.stop()), loop]);
    },
    poke: () => wake.now(),
  };
}

async function keep(
  options: KeeperOptions,
  reflectors: readonly Reflector<KubeObject>[],
  wake: Wake,
  signal: AbortSignal,
): Promise<void> {
  const ended = aborted(signal);
  await Promise.race([Promise.all(reflectors.map((reflector) => reflector.whenSynced())), ended]);
  while (!signal.aborted) {
    const changed = wake.next();
    const present = reflectors.map((reflector, index) => reflector.get(options.objects[index]?.name ?? ''));
    const againMs = await options.work(present).catch((error: unknown) => {
      options.log.warn({ reason: messageOf(error) }, options.failure);
      return RETRY_MS;
    });
    if (againMs === 0) await Promise.race([changed, ended]);
    else await options.clock.sleep(againMs, signal);
  }
}
