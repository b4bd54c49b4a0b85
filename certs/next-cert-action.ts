import type { CertFacts, Inspection, ValidityFacts } from './bundle.ts';

/** How long things live, milliseconds. */
export interface CertLifetimes {
  readonly authorityMs: number;
  readonly leafMs: number;
  /** How long a new authority is only trusted before it signs: every API server must have seen the new CA bundle by then. */
  readonly settleMs: number;
  /** How far validity reaches back, for clocks that run behind ours. */
  readonly backdateMs: number;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** ADR 0005. */
export const DEFAULT_LIFETIMES: CertLifetimes = {
  authorityMs: 365 * DAY,
  leafMs: 30 * DAY,
  settleMs: 60 * MINUTE,
  backdateMs: 5 * MINUTE,
};

/** What the decision is made from. */
export interface CertSituation {
  /** What the Secret holds; undefined when there is no Secret. */
  readonly stored: Inspection | undefined;
  /** This process still has a bundle that worked before the stored one broke or vanished. */
  readonly remembered: boolean;
  /** DNS names the leaf must be valid for. */
  readonly dnsNames: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly lifetimes: CertLifetimes;
  /** 0..1, this replica's own: how late in the window of a renewal it acts, so that replicas do not all come at once. */
  readonly spread: number;
}

/** A renewal comes within this share of the life after it is due, a settled authority signs within {@link SETTLE_WINDOW} of `settleMs`. */
const RENEWAL_WINDOW = 0.05;
const SETTLE_WINDOW = 0.1;

/**
 * - `issue`: everything new; nobody can trust us before the CA bundle is published again.
 * - `introduce-authority`: a new authority that is trusted beside the old ones and does not sign yet.
 * - `renew-leaf`: a new leaf from the first authority.
 * - `drop-authorities`: forget the expired ones.
 * - `wait`: nothing to do before `until` (ms since the epoch) unless the Secret changes.
 */
export type CertAction =
  | { readonly kind: 'issue' | 'introduce-authority' | 'renew-leaf' | 'drop-authorities'; readonly reason: string }
  | { readonly kind: 'wait'; readonly until: number };

type Check = (facts: CertFacts, situation: CertSituation) => CertAction | undefined;

/** First failing check wins. */
const CHECKS: readonly Check[] = [authorityExpired, leafUnusable, authorityDue, leafOfOldAuthority, leafDue, authoritiesToDrop];

/** The one next thing to do about the certificates. Pure; called again after each action until it says `wait`. */
export function nextCertAction(situation: CertSituation): CertAction {
  const { stored } = situation;
  if (stored?.ok !== true) return replaceStored(stored?.reason ?? 'the Secret does not exist', situation.remembered);
  for (const check of CHECKS) {
    const action = check(stored.facts, situation);
    if (action !== undefined) return action;
  }
  return { kind: 'wait', until: nextCheck(stored.facts, situation) };
}

/** With a working pair in memory, guests' admissions go on: the new authority is published before anything is signed by it. */
function replaceStored(reason: string, remembered: boolean): CertAction {
  return { kind: remembered ? 'introduce-authority' : 'issue', reason };
}

function authorityExpired(facts: CertFacts, { now }: CertSituation): CertAction | undefined {
  const first = facts.authorities[0];
  if (first !== undefined && now < first.notAfter) return undefined;
  return { kind: 'issue', reason: 'the authority has expired' };
}

function leafUnusable(facts: CertFacts, { now, dnsNames }: CertSituation): CertAction | undefined {
  const { leaf } = facts;
  if (now >= leaf.notAfter) return { kind: 'renew-leaf', reason: 'the certificate has expired' };
  if (leaf.authority < 0) return { kind: 'renew-leaf', reason: 'no authority of the bundle signed the certificate' };
  const missing = dnsNames.filter((name) => !leaf.dnsNames.includes(name));
  if (missing.length === 0) return undefined;
  return { kind: 'renew-leaf', reason: `the certificate is not valid for ${missing.join(', ')}` };
}

function authorityDue(facts: CertFacts, situation: CertSituation): CertAction | undefined {
  const first = facts.authorities[0];
  if (first === undefined || situation.now < renewalTime(first, situation)) return undefined;
  return { kind: 'introduce-authority', reason: 'the authority is past two thirds of its life' };
}

function leafOfOldAuthority(facts: CertFacts, situation: CertSituation): CertAction | undefined {
  if (facts.leaf.authority === 0 || situation.now < settledAt(facts, situation)) return undefined;
  return { kind: 'renew-leaf', reason: 'the certificate is signed by an older authority' };
}

/** While a new authority settles, the leaf of the old one stays: it still has a third of its life. */
function leafDue(facts: CertFacts, situation: CertSituation): CertAction | undefined {
  if (facts.leaf.authority !== 0 || situation.now < renewalTime(facts.leaf, situation)) return undefined;
  return { kind: 'renew-leaf', reason: 'the certificate is past two thirds of its life' };
}

function authoritiesToDrop(facts: CertFacts, { now }: CertSituation): CertAction | undefined {
  if (facts.authorities.every((authority) => now < authority.notAfter)) return undefined;
  return { kind: 'drop-authorities', reason: 'an older authority has expired' };
}

function nextCheck(facts: CertFacts, situation: CertSituation): number {
  const [first] = facts.authorities;
  const times = [
    ...facts.authorities.map((authority) => authority.notAfter),
    ...(first === undefined ? [] : [renewalTime(first, situation)]),
    facts.leaf.authority === 0 ? renewalTime(facts.leaf, situation) : settledAt(facts, situation),
  ];
  return Math.min(...times);
}

function renewalTime(validity: ValidityFacts, { lifetimes, spread }: CertSituation): number {
  const issuedAt = validity.notBefore + lifetimes.backdateMs;
  return issuedAt + (validity.notAfter - issuedAt) * (2 / 3 + spread * RENEWAL_WINDOW);
}

function settledAt(facts: CertFacts, { lifetimes, spread }: CertSituation): number {
  const issuedAt = (facts.authorities[0]?.notBefore ?? 0) + lifetimes.backdateMs;
  return issuedAt + lifetimes.settleMs * (1 + spread * SETTLE_WINDOW);
}
