import { isAlreadyExists, isConflict, isNotFound } from '../kube/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import type { CertAction } from './next-cert-action.ts';
import type { Wake } from './wake.ts';

/** What the loop works on. */
export interface KeepValidOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Called when the Secret changes. */
  readonly wake: Wake;
  readonly decide: () => CertAction;
  /** Writes the Secret; throws a KubeError when somebody else was faster. */
  readonly act: (action: CertAction) => Promise<void>;
  /** Reads the Secret itself. */
  readonly reread: () => Promise<void>;
}

const RETRY_MS = 1000;
/** Each write waits up to this long, so that replicas that saw the same thing at the same moment do not all write. */
const HESITATION_MS = 1000;
/** Timers hold 2^31-1 ms; an hour also bounds the harm of a clock that jumps. */
const MAX_WAIT_MS = 3_600_000;

/** Issues and renews until the signal aborts. Runs in every replica: who writes first has won, the others read what it wrote. */
export async function keepValid(options: KeepValidOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, wake } = options;
  while (!signal.aborted) {
    const changed = wake.next();
    const action = options.decide();
    if (action.kind === 'wait') {
      await pause(clock, action.until - clock.now(), changed, signal);
      continue;
    }
    await clock.sleep(hesitation(action, options.random), signal);
    if (!isStillDue(action, options, signal)) continue;
    log.info({ action: action.kind, reason: action.reason }, 'certificates');
    const reason = await attempt(options, action);
    if (reason === '') continue;
    log.warn({ action: action.kind, reason }, 'writing the certificate Secret failed; trying again');
    await clock.sleep(RETRY_MS, signal);
  }
}

/** Who has nothing in memory lets those go first who have: they keep what API servers trust already. */
function hesitation(action: CertAction, random: Random): number {
  return HESITATION_MS * ((action.kind === 'issue' ? 1 : 0) + random());
}

/** Another replica may have done it by now. */
function isStillDue(action: CertAction, { decide }: KeepValidOptions, signal: AbortSignal): boolean {
  return !signal.aborted && decide().kind === action.kind;
}

/** Sleeps until the time has come, something changes, or the signal aborts; leaves no timer behind. */
async function pause(clock: Clock, ms: number, changed: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const timer = clock.sleep(Math.min(Math.max(ms, 0), MAX_WAIT_MS), AbortSignal.any([signal, done.signal]));
  await Promise.race([changed, timer]);
  done.abort();
}

/** '' = done, by us or by somebody else. */
async function attempt({ act, reread, log }: KeepValidOptions, action: CertAction): Promise<string> {
  try {
    await act(action);
    return '';
  } catch (error) {
    if (!isConflict(error) && !isAlreadyExists(error) && !isNotFound(error)) return messageOf(error);
  }
  log.info({ action: action.kind }, 'the certificate Secret changed meanwhile; reading it again');
  return reread().then(() => '', messageOf);
}
