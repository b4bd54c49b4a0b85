import { keepNewest } from '../runtime/newest.ts';

/** Whether an event is written, and how many like it were not since the last one that was. */
export interface EventVerdict {
  readonly pass: boolean;
  readonly repeats: number;
}

/** Decides which events are worth a write. */
export interface EventFilter {
  /** `object` identifies what the event is about; `now` in ms. */
  pass(
    object: string,
    event: { readonly type: string; readonly reason: string; readonly message: string },
    now: number,
  ): EventVerdict;
}

const WINDOW_MS = 60_000;
/** Objects remembered; the longest quiet ones go first. */
const MAX_OBJECTS = 2000;

interface Told {
  readonly at: number;
  readonly repeats: number;
}

interface History {
  /** Times of what was written in the last minute. */
  readonly writes: readonly number[];
  /** By event, when it was last written and how often it was swallowed since. */
  readonly told: ReadonlyMap<string, Told>;
}

/**
 * Per object at most `perMinute` writes in any minute, and the same event (type, reason, message) at most once a minute;
 * what is swallowed is counted. Memory is bounded whatever the tenants do.
 */
export function createEventFilter(perMinute: number): EventFilter {
  const histories = new Map<string, History>();
  return {
    pass: (object, event, now) => {
      const key = [event.type, event.reason, event.message].join('\n');
      const { verdict, history } = judge(histories.get(object) ?? { writes: [], told: new Map() }, key, { now, perMinute });
      keepNewest(histories, object, history, MAX_OBJECTS);
      return verdict;
    },
  };
}

function judge(
  history: History,
  key: string,
  at: { now: number; perMinute: number },
): { verdict: EventVerdict; history: History } {
  const isRecent = (time: number): boolean => at.now - time < WINDOW_MS;
  const writes = history.writes.filter(isRecent);
  const known = history.told.get(key);
  const pass = writes.length < at.perMinute && (known === undefined || !isRecent(known.at));
  const repeats = known?.repeats ?? 0;
  // Old entries go, unless they have a count to tell; of those only as many as may be written in a minute.
  const others = Array.from(history.told).filter(
    ([other, { at: time, repeats: count }]) => other !== key && (isRecent(time) || count > 0),
  );
  const entry: Told = pass ? { at: at.now, repeats: 0 } : { at: known?.at ?? Number.NEGATIVE_INFINITY, repeats: repeats + 1 };
  const told = new Map([...others.slice(-2 * at.perMinute), [key, entry] as const]);
  return { verdict: { pass, repeats: pass ? repeats : 0 }, history: { writes: pass ? [...writes, at.now] : writes, told } };
}
