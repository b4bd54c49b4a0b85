import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import { type Closable, isReaderWaiting, readStatus } from './fifo.ts';
import type { AgentMetrics } from './metrics.ts';
import { listenQmp, type QemuListener } from './qmp/server.ts';
import { createReporter, type Reporter, type ReporterOptions } from './reporter.ts';
import type { SlotFiles, SlotPaths } from './slot-files.ts';
import { nextActions, QMP_LOST_MS } from './slot-machine.ts';
import type { SlotAction, SlotEvent, SlotState } from './slot-types.ts';
import { delayed, type StartAction, startStep, type StartWorld } from './start-steps.ts';
import { without } from './without.ts';

/** Everything a slot's shell acts on. */
export interface SlotWorld extends StartWorld {
  readonly files: SlotFiles;
  readonly log: Log;
  readonly metrics: AgentMetrics;
  readonly reporter: Omit<ReporterOptions, 'log'>;
  /** Something ended: worth looking whether slots are free again. */
  onEnded(): void;
  /** A guest runs, or does not any more. */
  onChanged(): void;
}

/** How many timers of a slot are remembered for its end; the oldest have long fired. */
const MAX_TIMERS = 8;

/** Opens a slot whose files are there: one just handed out, or one found again after a restart of the agent. */
export async function openSlot(world: SlotWorld, initial: SlotState): Promise<Slot> {
  const slot = new Slot(world, initial);
  await slot.open();
  return slot;
}

/** A slot that listens: carries out what {@link nextActions} decides. */
export class Slot {
  readonly #world: SlotWorld;
  readonly #paths: SlotPaths;
  readonly #log: Log;
  readonly #reporter: Reporter;
  #state: SlotState;
  #closed = false;
  #listeners: Closable[] = [];
  #timers: { cancel(): void }[] = [];
  #retry: { cancel(): void } | undefined;

  constructor(world: SlotWorld, initial: SlotState) {
    this.#world = world;
    this.#state = initial;
    this.#paths = world.files.paths(initial.slot);
    this.#log = world.log.child({ slot: initial.slot });
    this.#reporter = createReporter({ ...world.reporter, log: this.#log }, initial.wanted, () => this.#save());
  }

  state(): SlotState {
    return this.#state;
  }

  async open(): Promise<void> {
    const status = readStatus(this.#paths.status, this.#world.clock, (event) => this.#onStatus(event));
    const listener: QemuListener = {
      onConnected: (runState, threads) => this.#dispatch({ type: 'qmp-connected', status: runState, threads }),
      onEvent: ({ name, data }) => this.#dispatch({ type: 'qmp-event', name, data }),
      onClosed: () => {
        this.#dispatch({ type: 'qmp-closed' });
        this.#world.onEnded();
      },
    };
    this.#listeners = [status];
    this.#listeners.push(await listenQmp({ path: this.#paths.qmp, clock: this.#world.clock, log: this.#log, listener }));
    if (isReaderWaiting(this.#paths.argv)) this.#dispatch({ type: 'ready' });
    else if (this.#state.served !== undefined) this.#later(QMP_LOST_MS, { type: 'qmp-lost' });
  }

  /** Stops listening; the guest and the slot's files stay. */
  close(): void {
    this.#closed = true;
    this.#reporter.close();
    for (const listener of this.#listeners) listener.close();
    for (const timer of this.#timers) timer.cancel();
  }

  #dispatch(event: SlotEvent): void {
    if (this.#closed) return;
    const decision = nextActions(this.#state, event, this.#world.clock.now());
    this.#state = decision.state;
    logEvent(this.#log, event, decision.state);
    if (CHANGES.has(event.type)) this.#world.onChanged();
    for (const action of decision.actions) this.#act(action);
  }

  /** A new launcher need not wait for the retry of an old one's start. */
  #onStatus(event: SlotEvent): void {
    const hurry = event.type === 'ready' && this.#state.start !== undefined && this.#retry !== undefined;
    this.#dispatch(hurry ? { type: 'retry' } : event);
    if (event.type === 'failed') this.#world.onEnded();
  }

  #act(action: SlotAction): void {
    switch (action.type) {
      case 'retry':
        this.#retry = this.#later(action.afterMs, { type: 'retry' });
        return;
      case 'later':
        return void this.#later(action.afterMs, { type: action.event });
      case 'save':
        return this.#save();
      case 'observe-start':
        return this.#world.metrics.startSeconds.observe(action.ms / 1000);
      case 'report':
        if (this.#state.vm !== undefined) this.#reporter.submit(this.#state.vm, action);
        return;
      case 'pin-cpus':
      case 'check-network':
        return this.#step(action);
      default:
        this.#retry?.cancel();
        this.#retry = undefined;
        return this.#step(action);
    }
  }

  #step(action: StartAction): void {
    startStep(this.#world, action, { state: this.#state, paths: this.#paths })
      .catch((error: unknown) => delayed(messageOf(error)))
      .then((event) => this.#dispatch(event))
      .catch((error: unknown) => this.#log.error({ err: error }, 'a slot failed'));
  }

  #later(ms: number, event: SlotEvent): { cancel(): void } {
    const timer = this.#world.clock.timer(ms, () => this.#dispatch(event));
    this.#timers = [...this.#timers.slice(1 - MAX_TIMERS), timer];
    return timer;
  }

  /** What the API server has not heard yet must be told again by the next agent, so it is not remembered as wanted; and what is under way ends with this one. */
  #save(): void {
    if (this.#closed) return;
    const rest = without(this.#state, 'wanted', 'network');
    const reported = this.#reporter.reported();
    this.#world.files.save(reported === undefined ? rest : { ...rest, wanted: reported });
  }
}

const CHANGES: ReadonlySet<SlotEvent['type']> = new Set(['failed', 'qmp-connected', 'qmp-closed', 'qmp-lost']);
const LOGGED: ReadonlySet<SlotEvent['type']> = new Set([
  'failed',
  'argv-written',
  'error',
  'qmp-connected',
  'qmp-lost',
  'network-served',
  'network-lost',
]);

function logEvent(log: Log, event: SlotEvent, { vm }: SlotState): void {
  if (!LOGGED.has(event.type)) return;
  const pod = vm === undefined ? undefined : `${vm.namespace}/${vm.name}`;
  const reason = 'message' in event ? event.message : 'status' in event ? event.status : undefined;
  const say = event.type === 'error' ? 'warn' : 'info';
  log[say]({ pod, event: event.type, reason }, 'slot');
}
