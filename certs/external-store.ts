import type { KubeObject } from '../kube/objects.ts';
import { isCurrent, splitCertificates } from './bundle.ts';
import { inspectExternal } from './inspect-external.ts';
import type { ExternalInspection, ExternalPair } from './inspect-external.ts';
import { createSecretFollower } from './secret-follower.ts';
import type { CertStore, CertStoreOptions } from './store.ts';

interface State {
  /** What the Secret holds; undefined = there is none. */
  stored: ExternalInspection | undefined;
  /** What is served. */
  serving: ExternalPair | undefined;
}

/** Timers hold 2^31-1 ms. */
const MAX_TIMER_MS = 3_600_000;

/**
 * Certificates that somebody else (cert-manager) writes into the Secret; this process only reads. When the new certificate comes from an
 * authority that API servers may not know yet, that is published first, and the certificate is exchanged `settleMs` after it was issued. Old
 * authorities stay published for twice that. Both are counted from the certificate's own notBefore, so all replicas do the same.
 */
export function createExternalCertStore(options: CertStoreOptions): CertStore {
  const { clock, log } = options;
  const state: State = { stored: undefined, serving: undefined };
  const listeners = new Set<() => void>();
  let timer: { cancel(): void } | undefined;
  const look = (): void => {
    timer?.cancel();
    const waitMs = advance(state, options);
    timer = waitMs === 0 ? undefined : clock.timer(waitMs, look);
    listeners.forEach((listener) => listener());
  };
  const onSecret = (secret: KubeObject | undefined): void => {
    state.stored = inspect(secret, options);
    if (state.stored?.ok !== true) log.warn({ reason: problemOf(state, options) }, 'the certificate Secret cannot be used');
    look();
  };
  const follower = createSecretFollower({ ...options, onSecret });
  return {
    ...reading(state, options),
    start: () => follower.start(),
    stop: () => {
      timer?.cancel();
      return follower.stop();
    },
    readTrust: async () => {
      await follower.reread();
      return state.stored?.ok === true ? state.stored.pair.trust : undefined;
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function reading(state: State, options: CertStoreOptions): Pick<CertStore, 'current' | 'problem' | 'trust' | 'withPublished'> {
  const { clock, lifetimes } = options;
  return {
    current: () => state.serving && { keyPem: state.serving.key, certPem: state.serving.chain },
    problem: () => (state.serving === undefined ? problemOf(state, options) : ''),
    trust: () => (state.stored?.ok === true ? state.stored.pair.trust : state.serving?.trust),
    withPublished: (wanted, published) => {
      const overlaps = state.stored?.ok === true && clock.now() < overlapEnd(state.stored.pair, lifetimes.settleMs);
      return overlaps ? union(wanted, published, clock.now()) : wanted;
    },
  };
}

/** Serves what may be served by now; milliseconds until the next thing is due, 0 = nothing is. */
function advance(state: State, options: CertStoreOptions): number {
  const { clock, lifetimes } = options;
  const now = clock.now();
  if (state.stored?.ok !== true) return 0;
  const { pair } = state.stored;
  const from = serveFrom(pair, state.serving, lifetimes.settleMs);
  if (now >= from) serve(pair, state, options);
  const due = [from, overlapEnd(pair, lifetimes.settleMs)].filter((time) => time > now);
  return due.length === 0 ? 0 : Math.min(...due.map((time) => time - now), MAX_TIMER_MS);
}

function overlapEnd({ leaf }: ExternalPair, settleMs: number): number {
  return leaf.notBefore + 2 * settleMs;
}

/** When the stored certificate may be served: at once when there is none, or when clients trust its authority already. */
function serveFrom(stored: ExternalPair, serving: ExternalPair | undefined, settleMs: number): number {
  if (serving === undefined || serving.trust.includes(stored.trust)) return Number.NEGATIVE_INFINITY;
  return Math.min(stored.leaf.notBefore + settleMs, serving.leaf.notAfter);
}

function serve(pair: ExternalPair, state: State, { gauges }: CertStoreOptions): void {
  const changed = state.serving?.chain !== pair.chain;
  state.serving = pair;
  gauges.leaf(pair.leaf.notAfter, changed);
  gauges.authority(pair.authority.notAfter);
}

function inspect(secret: KubeObject | undefined, { dnsNames }: CertStoreOptions): ExternalInspection | undefined {
  return secret && inspectExternal(secret['data'] as Record<string, string> | undefined, dnsNames);
}

function problemOf({ stored }: State, { namespace, secretName }: CertStoreOptions): string {
  const name = `Secret ${namespace}/${secretName}`;
  if (stored === undefined) return `${name} does not exist; with --certificates=external somebody else has to write it`;
  return stored.ok ? '' : `${name}: ${stored.reason}`;
}

/** `wanted` first, then what is published beside it and has not expired. */
function union(wanted: string, published: string, now: number): string {
  const kept = splitCertificates(published).filter((pem) => !wanted.includes(pem) && isCurrent(pem, now));
  return wanted + kept.join('');
}
