import { KubeError } from '../../../kube/errors.ts';
import { nextReflectorStep, type ReflectorOutcome, type ReflectorState } from '../../../kube/reflector-plan.ts';

const gone = new KubeError(410, 'Expired', 'too old');
const cut = new KubeError(0, 'Unreachable', 'ECONNRESET');
const busy = new KubeError(429, 'TooManyRequests', 'slow down', { retryAfterMs: 7000 });
const watched = (healthy: boolean, error?: KubeError): ReflectorOutcome => ({
  kind: 'watched',
  version: '9',
  healthy,
  ...(error ? { error } : {}),
});

it.each<[string, ReflectorState, ReflectorOutcome, ReflectorState, number]>([
  [
    'watches at once after the first list',
    { version: undefined, failures: 0 },
    { kind: 'listed', version: '5' },
    { version: '5', failures: 0 },
    0,
  ],
  [
    'does not take a list for health',
    { version: undefined, failures: 3 },
    { kind: 'listed', version: '5' },
    { version: '5', failures: 3 },
    0,
  ],
  [
    'waits after a failed list',
    { version: undefined, failures: 0 },
    { kind: 'list-failed', error: cut },
    { version: undefined, failures: 1 },
    1000,
  ],
  [
    'waits longer after more of them',
    { version: undefined, failures: 2 },
    { kind: 'list-failed', error: cut },
    { version: undefined, failures: 3 },
    4000,
  ],
  [
    'waits 30 s at most',
    { version: undefined, failures: 50 },
    { kind: 'list-failed', error: cut },
    { version: undefined, failures: 51 },
    30_000,
  ],
  [
    'waits as long as Retry-After says',
    { version: undefined, failures: 0 },
    { kind: 'list-failed', error: busy },
    { version: undefined, failures: 1 },
    7000,
  ],
  [
    'resumes at once when the server ended a good watch',
    { version: '5', failures: 4 },
    watched(true),
    { version: '9', failures: 0 },
    0,
  ],
  [
    'waits when watches end at once with nothing',
    { version: '5', failures: 1 },
    watched(false),
    { version: '9', failures: 2 },
    2000,
  ],
  [
    'resumes from the last version after a cut',
    { version: '5', failures: 3 },
    watched(true, cut),
    { version: '9', failures: 1 },
    1000,
  ],
  [
    'lists at once when a good watch says 410',
    { version: '5', failures: 0 },
    watched(true, gone),
    { version: undefined, failures: 0 },
    0,
  ],
  [
    'lists later and later when 410 comes at once',
    { version: '5', failures: 2 },
    watched(false, gone),
    { version: undefined, failures: 3 },
    4000,
  ],
  [
    'lists when a watch finds the kind no longer installed',
    { version: '5', failures: 0 },
    watched(false, new KubeError(404, 'NotFound', '404 page not found')),
    { version: undefined, failures: 1 },
    1000,
  ],
  [
    'gives a version up that nothing could be watched from',
    { version: '5', failures: 4 },
    watched(false, cut),
    { version: undefined, failures: 5 },
    16_000,
  ],
])('%s', (...[, before, outcome, after, delayMs]) => {
  expect(nextReflectorStep(before, outcome, () => 0)).toEqual({ state: after, delayMs });
});

it('jitter keeps the first wait between 0.5 and 1 s', () => {
  const { delayMs } = nextReflectorStep({ version: undefined, failures: 0 }, { kind: 'list-failed', error: cut }, () => 0.999);
  expect(delayMs).toBeGreaterThanOrEqual(500);
});
