import type { Clock } from '../../runtime/clock.ts';
import type { Audit } from './audit.ts';
import { INITIAL_PACE, nextActions } from './next-actions.ts';
import type { PaceEvent, PaceState } from './next-actions.ts';

/** What keeps the audit going. */
export interface AuditLoopOptions {
  readonly clock: Clock;
  readonly audit: Audit;
  /** Between two writes of one policy's status. Milliseconds. */
  readonly intervalMs: number;
  /** A policy's status is to be compared with what it should be. */
  readonly offer: (policy: string) => void;
  /** After the first audit, and after each large one: much of what it took is garbage by then, and nothing would ask for memory for long. */
  readonly tidy?: () => void;
}

/** Works the audit off in slices, and offers what it found. */
export interface AuditLoop {
  /** `ready`: whether enough is known to judge. */
  start(ready: () => boolean): void;
  stop(): void;
  /** Something changed. */
  poke(): void;
  /** Pods are still to be judged. */
  busy(): boolean;
  /** Offers this policy's status once nothing is left to judge. */
  owe(policy: string): void;
  /** The status in the cluster changed. */
  written(policy: string): void;
  forget(policy: string): void;
}

/** Longest time without answering anybody else: probes, watches, the lease. */
const SLICE_MS = 20;
/** As much rest as work, so that a full audit does not take the node's CPU for itself. */
const REST_MS = 20;
/** Until everything is read from the API server for the first time. */
const UNREADY_MS = 500;
const SETTLE_MS = 1000;
/** Pods judged that make an audit a large one. */
const LARGE = 1000;
const DAY_MS = 86_400_000;

interface Timer {
  cancel(): void;
}

/** A loop that has not begun. */
export function createAuditLoop(options: AuditLoopOptions): AuditLoop {
  return new SlicedLoop(options);
}

class SlicedLoop implements AuditLoop {
  readonly #options: AuditLoopOptions;
  readonly #paces = new Map<string, PaceState>();
  readonly #timers = new Map<string, Timer>();
  readonly #owed = new Set<string>();
  #ready: () => boolean = () => false;
  #slice: Timer | undefined;
  #limits: Timer | undefined;
  #day: Timer | undefined;
  #stopped = true;
  /** Pods judged since the last tidying; the first audit counts as large, whatever it judged: reading the lists is behind it too. */
  #judged = LARGE;

  constructor(options: AuditLoopOptions) {
    this.#options = options;
  }

  start(ready: () => boolean): void {
    this.#ready = ready;
    this.#stopped = false;
    this.#waitForDay();
    this.poke();
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of [this.#slice, this.#limits, this.#day, ...this.#timers.values()]) timer?.cancel();
  }

  poke(): void {
    if (!this.#stopped && this.#slice === undefined) this.#sliceAfter(0);
  }

  busy(): boolean {
    return this.#slice !== undefined;
  }

  owe(policy: string): void {
    this.#owed.add(policy);
    this.poke();
  }

  written(policy: string): void {
    this.#dispatch(policy, 'written');
  }

  forget(policy: string): void {
    this.#timers.get(policy)?.cancel();
    this.#timers.delete(policy);
    this.#paces.delete(policy);
    this.#owed.delete(policy);
  }

  #sliceAfter(ms: number): void {
    this.#slice = this.#options.clock.timer(ms, () => {
      this.#slice = undefined;
      this.#work();
    });
  }

  #work(): void {
    const { audit, clock } = this.#options;
    if (!this.#ready()) return this.#sliceAfter(UNREADY_MS);
    const begun = clock.now();
    let left = true;
    while (left && clock.now() - begun < SLICE_MS) {
      left = audit.step(begun);
      if (left) this.#judged += 1;
    }
    if (left) return this.#sliceAfter(REST_MS);
    for (const policy of this.#owed) this.#options.offer(policy);
    this.#owed.clear();
    for (const policy of audit.takeChanged()) this.#dispatch(policy, 'changed');
    if (audit.limitsChanged()) this.#limitsLater();
    this.#tidyAfterMuch();
  }

  #tidyAfterMuch(): void {
    if (this.#judged < LARGE) return;
    this.#judged = 0;
    this.#options.tidy?.();
  }

  /** One pod more in a namespace concerns all its others, so this is not done for each. */
  #limitsLater(): void {
    const { audit, clock, intervalMs } = this.#options;
    this.#limits ??= clock.timer(intervalMs, () => {
      this.#limits = undefined;
      audit.recheckLimits();
      this.poke();
    });
  }

  /** Exemptions end with a day, in UTC. */
  #waitForDay(): void {
    const { audit, clock } = this.#options;
    this.#day = clock.timer(DAY_MS - (clock.now() % DAY_MS) + SETTLE_MS, () => {
      audit.newDay();
      this.poke();
      this.#waitForDay();
    });
  }

  #dispatch(policy: string, event: PaceEvent): void {
    if (this.#stopped) return;
    const { clock, intervalMs } = this.#options;
    const times = { settleMs: SETTLE_MS, intervalMs };
    const { state, actions } = nextActions(this.#paces.get(policy) ?? INITIAL_PACE, event, clock.now(), times);
    this.#paces.set(policy, state);
    for (const action of actions) {
      if (action.do === 'offer') this.#offer(policy);
      else
        this.#timers.set(
          policy,
          clock.timer(action.afterMs, () => this.#dispatch(policy, 'time')),
        );
    }
  }
  #offer(policy: string): void {
    if (this.busy()) this.#owed.add(policy);
    else this.#options.offer(policy);
  }
}
