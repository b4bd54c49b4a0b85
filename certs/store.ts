import type { Gauge } from 'prom-client';
import type { KubeClient } from '../kube/client.ts';
import { isAlreadyExists, isConflict } from '../kube/errors.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import type { KubeObject } from '../kube/objects.ts';
import { createReflector } from '../kube/reflector.ts';
import type { CertificateSource, KeyPair } from '../runtime/certificate.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { fromSecretData, inspectBundle, toSecretData, trustText } from './bundle.ts';
import type { CertBundle, CertFacts, Inspection } from './bundle.ts';
import { carryOut } from './carry-out.ts';
import { nextCertAction } from './next-cert-action.ts';
import type { CertAction, CertLifetimes } from './next-cert-action.ts';
import { aborted, createWake } from './wake.ts';
import type { Wake } from './wake.ts';

/** What the store needs. */
export interface CertStoreOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly namespace: string;
  readonly secretName: string;
  /** Names the serving certificate is valid for. */
  readonly dnsNames: readonly string[];
  readonly lifetimes: CertLifetimes;
  /** `podvisor_certificate_expiry_timestamp_seconds{name}`. */
  readonly expiry: Gauge<'name'>;
}

/**
 * The serving certificate, kept in a Secret. Every replica follows the Secret and serves what is in it; the one that leads also writes it.
 * A Secret that breaks or vanishes leaves the certificate in use where it is.
 */
export interface CertStore extends CertificateSource {
  start(): void;
  stop(): Promise<void>;
  /** PEM of all authorities to trust; undefined until there are any. */
  trust(): string | undefined;
  /** Issues and renews until the signal aborts. */
  lead(signal: AbortSignal): Promise<void>;
}

interface Working {
  readonly bundle: CertBundle;
  readonly facts: CertFacts;
}

interface State {
  /** The Secret as last seen or written; undefined = there is none. */
  secret: KubeObject | undefined;
  stored: Inspection | undefined;
  /** The last bundle that worked. */
  working: Working | undefined;
}

interface Store {
  readonly options: CertStoreOptions;
  readonly state: State;
  readonly wake: Wake;
  readonly listeners: Set<() => void>;
}

const RETRY_MS = 1000;
/** Timers hold 2^31-1 ms; an hour also bounds the harm of a clock that jumps. */
const MAX_WAIT_MS = 3_600_000;

/** Reads nothing before {@link CertStore.start}. */
export function createCertStore(options: CertStoreOptions): CertStore {
  const state: State = { secret: undefined, stored: undefined, working: undefined };
  const store: Store = { options, state, wake: createWake(), listeners: new Set() };
  const reflector = createReflector({
    ...options,
    path: pathOf(KINDS.secrets, { namespace: options.namespace }),
    query: { fieldSelector: `metadata.name=${options.secretName}` },
    onChange: (_key, secret) => adopt(store, secret),
  });
  return {
    start: () => reflector.start(),
    stop: () => reflector.stop(),
    current: () => servingPair(state),
    trust: () => (state.working === undefined ? undefined : trustText(state.working.bundle)),
    onChange: (listener) => {
      store.listeners.add(listener);
      return () => store.listeners.delete(listener);
    },
    lead: async (signal) => {
      await Promise.race([reflector.whenSynced(), aborted(signal)]);
      await keepValid(store, signal);
    },
  };
}

function servingPair({ working }: State): KeyPair | undefined {
  return working && { keyPem: working.bundle.leafKey, certPem: working.bundle.leafCert };
}

/** Takes over what the Secret says now, and tells everybody who serves or publishes it. */
function adopt(store: Store, secret: KubeObject | undefined): void {
  const { state, options } = store;
  const bundle = secret && fromSecretData(secret['data'] as Record<string, string> | undefined);
  state.secret = secret;
  state.stored = bundle && inspectBundle(bundle);
  if (state.stored?.ok === false) options.log.warn({ reason: state.stored.reason }, 'the certificate Secret cannot be used');
  if (bundle !== undefined && state.stored?.ok === true) use(store, { bundle, facts: state.stored.facts });
  store.wake.now();
}

function use({ state, options, listeners }: Store, working: Working): void {
  const changed = JSON.stringify(state.working?.bundle) !== JSON.stringify(working.bundle);
  state.working = working;
  options.expiry.set({ name: 'webhook' }, working.facts.leaf.notAfter / 1000);
  options.expiry.set({ name: 'webhook-ca' }, (working.facts.authorities[0]?.notAfter ?? 0) / 1000);
  if (changed) for (const listener of listeners) listener();
}

async function keepValid(store: Store, signal: AbortSignal): Promise<void> {
  const { clock, log } = store.options;
  while (!signal.aborted) {
    const changed = store.wake.next();
    const action = decide(store);
    if (action.kind === 'wait') {
      await pause(clock, action.until - clock.now(), changed, signal);
      continue;
    }
    log.info({ action: action.kind, reason: action.reason }, 'certificates');
    const reason = await act(store, action);
    if (reason === '') continue;
    log.warn({ action: action.kind, reason }, 'writing the certificate Secret failed; trying again');
    await pause(clock, RETRY_MS, changed, signal);
  }
}

function decide({ options, state }: Store): CertAction {
  const { dnsNames, lifetimes, clock } = options;
  return nextCertAction({ stored: state.stored, remembered: state.working !== undefined, dnsNames, now: clock.now(), lifetimes });
}

/** Sleeps until the time has come, something changes, or the signal aborts; leaves no timer behind. */
async function pause(clock: Clock, ms: number, changed: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const timer = clock.sleep(Math.min(Math.max(ms, 0), MAX_WAIT_MS), AbortSignal.any([signal, done.signal]));
  await Promise.race([changed, timer]);
  done.abort();
}

/** '' = done, or somebody else wrote first and the watch will tell. */
async function act(store: Store, action: CertAction): Promise<string> {
  const { options, state } = store;
  try {
    const bundle = await carryOut(action, state.working?.bundle, { ...options, now: options.clock.now() });
    adopt(store, await write(store, bundle));
    return '';
  } catch (error) {
    return isConflict(error) || isAlreadyExists(error) ? 'somebody else wrote it first' : messageOf(error);
  }
}

/** Guarded by the version seen, so that two leaders in a moment of doubt cannot undo each other's work. */
function write({ options, state }: Store, bundle: CertBundle): Promise<KubeObject> {
  const { client, namespace, secretName: name } = options;
  const data = toSecretData(bundle);
  if (state.secret !== undefined) return client.replace(pathOf(KINDS.secrets, { namespace, name }), { ...state.secret, data });
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', data };
  return client.create(pathOf(KINDS.secrets, { namespace }), body);
}
