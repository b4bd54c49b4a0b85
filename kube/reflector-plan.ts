import { backoffMs, type Backoff } from '../runtime/backoff.ts';
import type { Random } from '../runtime/random.ts';
import type { KubeError } from './errors.ts';

/** Where a reflector stands. */
export interface ReflectorState {
  /** Version to watch from; undefined = list first. Opaque: never compared, never counted. */
  readonly version: string | undefined;
  /** Lists and watches in a row that came to nothing. */
  readonly failures: number;
}

/** How a list or a watch went. */
export type ReflectorOutcome =
  | { readonly kind: 'listed'; readonly version: string }
  | { readonly kind: 'list-failed'; readonly error: KubeError }
  | {
      readonly kind: 'watched';
      /** The last version seen. */
      readonly version: string;
      /** It delivered something or lived a while: the server is well. */
      readonly healthy: boolean;
      /** Undefined = the server ended the watch in order. */
      readonly error?: KubeError;
    };

/** Half of it may be jitter, so the first wait is 0.5 to 1 s, the longest 15 to 30 s. */
const RECONNECT: Backoff = { baseMs: 1000, maxMs: 30_000 };
/** A version that no watch could be started from this many times is given up, whatever the server said about it. */
const MAX_RESUMES = 5;

/** What comes next, and after how long a wait. */
export function nextReflectorStep(
  state: ReflectorState,
  outcome: ReflectorOutcome,
  random: Random,
): { readonly state: ReflectorState; readonly delayMs: number } {
  switch (outcome.kind) {
    case 'listed':
      // A list alone is no proof of health: list, watch refused, list… must slow down as well.
      return { state: { version: outcome.version, failures: state.failures }, delayMs: 0 };
    case 'list-failed':
      return wait({ version: undefined, failures: state.failures + 1 }, outcome.error, random);
    case 'watched':
      return afterWatch(state, outcome, random);
  }
}

/** The version is too old, or the kind is not installed any more. */
const MUST_LIST: readonly number[] = [410, 404];

type Step = ReturnType<typeof nextReflectorStep>;

function afterWatch(state: ReflectorState, outcome: Extract<ReflectorOutcome, { kind: 'watched' }>, random: Random): Step {
  const { version, healthy, error } = outcome;
  const gone = MUST_LIST.includes(error?.status ?? 0);
  if (healthy && (gone || error === undefined))
    return { state: { version: gone ? undefined : version, failures: 0 }, delayMs: 0 };
  const failures = (healthy ? 0 : state.failures) + 1;
  const lost = gone || failures % MAX_RESUMES === 0;
  return wait({ version: lost ? undefined : version, failures }, error, random);
}

function wait(state: ReflectorState, error: KubeError | undefined, random: Random): Step {
  return { state, delayMs: Math.max(error?.retryAfterMs ?? 0, backoffMs(state.failures, RECONNECT, random)) };
}
