import { carryOut } from '../../../certs/carry-out.ts';
import { fromSecretData, inspectBundle, toSecretData } from '../../../certs/bundle.ts';
import type { CertBundle, CertFacts } from '../../../certs/bundle.ts';
import { DEFAULT_LIFETIMES, nextCertAction } from '../../../certs/next-cert-action.ts';
import type { CertAction, CertSituation } from '../../../certs/next-cert-action.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const DAY = 86_400_000;
const dnsNames = ['podvisor-webhook.podvisor-system.svc'];
const lifetimes = DEFAULT_LIFETIMES;

function issuedAt(time: number, lifeMs: number): { notBefore: number; notAfter: number } {
  return { notBefore: time - lifetimes.backdateMs, notAfter: time + lifeMs };
}

function facts(change: { authorityAges?: number[]; leafAge?: number; leafAuthority?: number; names?: string[] } = {}): CertFacts {
  return {
    authorities: (change.authorityAges ?? [0]).map((age) => issuedAt(NOW - age, lifetimes.authorityMs)),
    leaf: {
      ...issuedAt(NOW - (change.leafAge ?? 0), lifetimes.leafMs),
      authority: change.leafAuthority ?? 0,
      dnsNames: change.names ?? dnsNames,
    },
  };
}

function decide(change: Partial<CertSituation>): string {
  const action = nextCertAction({
    stored: { ok: true, facts: facts() },
    remembered: true,
    dnsNames,
    now: NOW,
    lifetimes,
    spread: 0,
    ...change,
  });
  return action.kind === 'wait' ? `wait ${((action.until - NOW) / DAY).toFixed(2)} d` : action.kind;
}

const stored = (change: Parameters<typeof facts>[0]): Partial<CertSituation> => ({ stored: { ok: true, facts: facts(change) } });

test.each<[string, Partial<CertSituation>, string]>([
  ['nothing there and nothing remembered', { stored: undefined, remembered: false }, 'issue'],
  ['the Secret was deleted while we serve', { stored: undefined }, 'introduce-authority'],
  ['the Secret is corrupt at start', { stored: { ok: false, reason: 'x' }, remembered: false }, 'issue'],
  ['the Secret became corrupt while we serve', { stored: { ok: false, reason: 'x' } }, 'introduce-authority'],
  ['all fresh', {}, 'wait 20.00 d'],
  ['leaf past two thirds', stored({ leafAge: 20 * DAY }), 'renew-leaf'],
  ['leaf just before two thirds', stored({ leafAge: 20 * DAY - 1000 }), 'wait 0.00 d'],
  ['leaf expired', stored({ leafAge: 31 * DAY }), 'renew-leaf'],
  ['leaf for another name', stored({ names: ['other.svc'] }), 'renew-leaf'],
  ['leaf of an unknown authority', stored({ leafAuthority: -1 }), 'renew-leaf'],
  ['authority past two thirds', stored({ authorityAges: [244 * DAY] }), 'introduce-authority'],
  ['authority and leaf due: authority first', stored({ authorityAges: [244 * DAY], leafAge: 21 * DAY }), 'introduce-authority'],
  ['new authority not settled: the old leaf stays', stored({ authorityAges: [0, 244 * DAY], leafAuthority: 1 }), 'wait 0.04 d'],
  [
    'new authority not settled, old leaf due: still waits',
    stored({ authorityAges: [0, 244 * DAY], leafAuthority: 1, leafAge: 21 * DAY }),
    'wait 0.04 d',
  ],
  ['new authority settled', stored({ authorityAges: [DAY, 245 * DAY], leafAuthority: 1, leafAge: DAY }), 'renew-leaf'],
  ['old authority expired', stored({ authorityAges: [DAY, 366 * DAY] }), 'drop-authorities'],
  ['the only authority expired', stored({ authorityAges: [366 * DAY] }), 'issue'],
  ['leaf past two thirds, last in the window', { ...stored({ leafAge: 20 * DAY }), spread: 1 }, 'wait 1.50 d'],
  ['leaf at the end of the window', { ...stored({ leafAge: 21.5 * DAY }), spread: 1 }, 'renew-leaf'],
  ['leaf expired: no window', { ...stored({ leafAge: 31 * DAY }), spread: 1 }, 'renew-leaf'],
  [
    'new authority settled, last in the window',
    { ...stored({ authorityAges: [DAY / 24, 245 * DAY], leafAuthority: 1 }), spread: 1 },
    'wait 0.00 d',
  ],
])('%s', (_, change, expected) => {
  expect(decide(change)).toBe(expected);
});

interface Step {
  now: number;
  kind: CertAction['kind'];
  bundle: CertBundle;
}

/** Loads the X.509 library, for which the first test would pay otherwise. */
beforeAll(() => carryOut({ kind: 'issue', reason: '' }, undefined, { dnsNames, now: NOW, lifetimes }));

/** Leaves that live five times as long, so that the keys of fifty fewer have to be made: the steps and their order are those of {@link lifetimes}. */
const longLeaves = { ...lifetimes, leafMs: 5 * lifetimes.leafMs };

/** Runs the decision over simulated years, waking only when it asked to. */
async function simulate(days: number, spread: number): Promise<Step[]> {
  const steps: Step[] = [];
  let now = NOW;
  let bundle: CertBundle | undefined;
  while (now < NOW + days * DAY) {
    const inspection = bundle && inspectBundle(bundle);
    const action = nextCertAction({
      stored: inspection,
      remembered: bundle !== undefined,
      dnsNames,
      now,
      lifetimes: longLeaves,
      spread,
    });
    if (action.kind === 'wait') {
      expect(action.until).toBeGreaterThan(now);
      now = action.until;
      continue;
    }
    bundle = await carryOut(action, bundle, { dnsNames, now, lifetimes: longLeaves });
    steps.push({ now, kind: action.kind, bundle });
  }
  return steps;
}

test.each([0, 0.5, 1])(
  'over three years a client that learns each bundle an hour late never meets a leaf it does not trust (spread %d)',
  async (spread) => {
    const steps = await simulate(3 * 365, spread);
    expect(steps[0]?.kind).toBe('issue');
    expect(new Set(steps.map((step) => step.kind))).toEqual(
      new Set(['issue', 'introduce-authority', 'renew-leaf', 'drop-authorities']),
    );
    for (const step of steps.slice(1)) {
      const trusted = steps.filter((other) => other.now <= step.now - lifetimes.settleMs).at(-1)!.bundle;
      const seen = inspectBundle({ ...step.bundle, authorities: trusted.authorities, authorityKey: trusted.authorityKey });
      expect(seen.ok && seen.facts.leaf.authority).not.toBe(-1);
      expect(step.bundle.authorities.length).toBeLessThanOrEqual(2);
    }
  },
);

test('a bundle survives the Secret', async () => {
  const bundle = await carryOut({ kind: 'issue', reason: '' }, undefined, { dnsNames, now: NOW, lifetimes });
  expect(fromSecretData(toSecretData(bundle))).toEqual(bundle);
});

test.each<[string, (data: Record<string, string>, other: Record<string, string>) => Record<string, string> | undefined, string]>([
  ['no data at all', () => undefined, 'key ca.crt is missing or empty'],
  ['a key is missing', (data) => ({ ...data, 'tls.key': '' }), 'key tls.key is missing or empty'],
  ['not a certificate', (data) => ({ ...data, 'tls.crt': Buffer.from('hello').toString('base64') }), 'cannot be read: '],
  ['not a key', (data) => ({ ...data, 'tls.key': Buffer.from('hello').toString('base64') }), 'cannot be read: '],
  ['the key of another leaf', (data, other) => ({ ...data, 'tls.key': other['tls.key']! }), 'tls.key does not belong to tls.crt'],
  [
    'the key of another authority',
    (data, other) => ({ ...data, 'ca.key': other['ca.key']! }),
    'ca.key does not belong to the first certificate of ca.crt',
  ],
])('a broken Secret is named: %s', async (_, breakIt, reason) => {
  const issue = (): Promise<CertBundle> => carryOut({ kind: 'issue', reason: '' }, undefined, { dnsNames, now: NOW, lifetimes });
  const data = breakIt(toSecretData(await issue()), toSecretData(await issue()));
  const inspection = inspectBundle(fromSecretData(data));
  expect(inspection.ok ? '' : inspection.reason).toContain(reason);
});
