import { retryAfterOf } from '../../kube/errors.ts';
import { backoffMs } from '../../runtime/backoff.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import type { ReportMetrics } from './metrics.ts';
import { INITIAL_REPORT_STATE, nextActions, type ReportAction, type ReportEvent, type ReportState } from './next-actions.ts';
import type { Reader } from './reader.ts';
import type { ReportWriter } from './writer.ts';

/** What {@link keepReported} needs. */
export interface NodeReporterOptions {
  readonly reader: Reader;
  readonly writer: ReportWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: ReportMetrics;
}

/** Keeps the report of this node as the node is. */
export interface NodeReporter {
  /** A VM came or went: look soon. */
  changed(): void;
  close(): void;
}

/** Between two looks at the node: a few dozen small files. */
const READ_MS = 10_000;
/** After a change of a VM; the kubelet and the kernel have settled by then. */
const SOON_MS = 1000;
const RETRY = { baseMs: 2000, maxMs: 60_000 };

/** Starts looking and writing. */
export function keepReported(options: NodeReporterOptions): NodeReporter {
  const loop = new ReportLoop(options);
  loop.start();
  return { changed: () => loop.changed(), close: () => loop.close() };
}

class ReportLoop {
  readonly #options: NodeReporterOptions;
  #state: ReportState = INITIAL_REPORT_STATE;
  #reading = false;
  /** A VM came or went since the last look. */
  #fresh = true;
  #look: { cancel(): void } | undefined;
  #wake: { cancel(): void } | undefined;
  #closed = false;

  constructor(options: NodeReporterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#lookIn(0);
  }

  changed(): void {
    this.#fresh = true;
    if (!this.#reading) this.#lookIn(SOON_MS);
  }

  close(): void {
    this.#closed = true;
    this.#look?.cancel();
    this.#wake?.cancel();
  }

  #lookIn(ms: number): void {
    this.#look?.cancel();
    if (!this.#closed) this.#look = this.#options.clock.timer(ms, () => void this.#read());
  }

  async #read(): Promise<void> {
    const { reader, log, metrics } = this.#options;
    const fresh = this.#fresh;
    this.#fresh = false;
    this.#reading = true;
    try {
      this.#dispatch({ type: 'facts', ...(await reader.read(fresh)) });
    } catch (error) {
      metrics.failed('read');
      log.warn({ reason: messageOf(error) }, 'the node could not be read');
    }
    this.#reading = false;
    this.#lookIn(this.#nextLookMs());
  }

  #nextLookMs(): number {
    return this.#fresh ? SOON_MS : READ_MS;
  }

  #dispatch(event: ReportEvent): void {
    if (this.#closed) return;
    const { clock, metrics } = this.#options;
    const { state, actions } = nextActions(this.#state, event, clock.now());
    this.#state = state;
    metrics.checkedAt(state.checkedAt);
    for (const action of actions) this.#act(action);
  }

  #act(action: ReportAction): void {
    this.#wake?.cancel();
    if (action.type === 'wake') {
      this.#wake = this.#options.clock.timer(action.afterMs, () => this.#dispatch({ type: 'time' }));
      return;
    }
    void this.#ask(action);
  }

  async #ask(action: Exclude<ReportAction, { type: 'wake' }>): Promise<void> {
    try {
      this.#dispatch(await this.#answer(action));
    } catch (error) {
      const { random, log, metrics } = this.#options;
      metrics.failed(action.type);
      log.warn({ reason: messageOf(error) }, 'the report of the node could not be written or read');
      const waitMs = Math.max(retryAfterOf(error) ?? 0, backoffMs(this.#state.failures + 1, RETRY, random));
      this.#dispatch({ type: 'failed', waitMs });
    }
  }

  async #answer(action: Exclude<ReportAction, { type: 'wake' }>): Promise<ReportEvent> {
    const { writer, metrics } = this.#options;
    if (action.type === 'load') return { type: 'loaded', ...(await writer.load()) };
    if (action.create) await writer.create();
    if (!(await writer.write(action.status))) return { type: 'loaded', exists: false, status: undefined };
    metrics.wrote();
    return { type: 'written', status: action.status };
  }
}
