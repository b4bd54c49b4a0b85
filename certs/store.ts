import type { Gauge } from 'prom-client';
import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import type { KubeObject } from '../kube/objects.ts';
import { createReflector } from '../kube/reflector.ts';
import type { CertificateSource, KeyPair } from '../runtime/certificate.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { fromSecretData, inspectBundle, toSecretData, trustText } from './bundle.ts';
import type { CertBundle, CertFacts, Inspection } from './bundle.ts';
import { carryOut } from './carry-out.ts';
import { keepValid } from './keep-valid.ts';
import { nextCertAction } from './next-cert-action.ts';
import type { CertAction, CertLifetimes } from './next-cert-action.ts';
import { isOlder, versionOf } from './version.ts';
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
 * The serving certificate, kept in a Secret. Every replica follows the Secret, serves what is in it, and writes it when something is due:
 * the Secret's version decides whose write counts, and the others take over what it says (ADR 0005). A Secret that breaks or vanishes
 * leaves the certificate in use where it is.
 */
export interface CertStore extends CertificateSource {
  start(): void;
  stop(): Promise<void>;
  /** PEM of all authorities to trust; undefined until there are any. */
  trust(): string | undefined;
  /** As {@link CertStore.trust}, but of the Secret as it is now: undefined when there is none that can be used. Throws KubeError. */
  readTrust(): Promise<string | undefined>;
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
  /** Version of the newest Secret seen or written. */
  newest: bigint | undefined;
}

interface Store {
  readonly options: CertStoreOptions;
  readonly state: State;
  readonly wake: Wake;
  readonly listeners: Set<() => void>;
  /** See CertSituation. */
  readonly spread: number;
}

/** Reads nothing before {@link CertStore.start}. */
export function createCertStore(options: CertStoreOptions): CertStore {
  const state: State = { secret: undefined, stored: undefined, working: undefined, newest: undefined };
  const store: Store = { options, state, wake: createWake(), listeners: new Set(), spread: options.random() };
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;
  const reflector = createReflector({
    ...options,
    path: pathOf(KINDS.secrets, { namespace: options.namespace }),
    query: { fieldSelector: `metadata.name=${options.secretName}` },
    onChange: (_key, secret) => follow(store, secret),
  });
  return {
    start: () => {
      reflector.start();
      loop ??= work(store, reflector.whenSynced(), stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([reflector.stop(), loop]);
    },
    current: () => servingPair(state),
    trust: () => trustOf(state),
    readTrust: async () => {
      await reread(store);
      return state.stored?.ok === true ? trustOf(state) : undefined;
    },
    onChange: (listener) => {
      store.listeners.add(listener);
      return () => store.listeners.delete(listener);
    },
  };
}

function servingPair({ working }: State): KeyPair | undefined {
  return working && { keyPem: working.bundle.leafKey, certPem: working.bundle.leafCert };
}

function trustOf({ working }: State): string | undefined {
  return working && trustText(working.bundle);
}

async function work(store: Store, synced: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([synced, aborted(signal)]);
  const parts = { decide: () => decide(store), act: (action: CertAction) => act(store, action), reread: () => reread(store) };
  await keepValid({ ...store.options, wake: store.wake, ...parts }, signal);
}

/** The watch may still be on its way to what this process has read or written already. */
function follow(store: Store, secret: KubeObject | undefined): void {
  if (secret !== undefined && isOlder(secret, store.state.newest)) return;
  adopt(store, secret);
}

/** Takes over what the Secret says now, and tells everybody who serves or publishes it. */
function adopt(store: Store, secret: KubeObject | undefined): void {
  const { state, options } = store;
  const bundle = secret && fromSecretData(secret['data'] as Record<string, string> | undefined);
  state.secret = secret;
  state.newest = versionOf(secret) ?? state.newest;
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

function decide({ options, state, spread }: Store): CertAction {
  const { dnsNames, lifetimes, clock } = options;
  const remembered = state.working !== undefined;
  return nextCertAction({ stored: state.stored, remembered, dnsNames, now: clock.now(), lifetimes, spread });
}

async function act(store: Store, action: CertAction): Promise<void> {
  const { options, state } = store;
  const seen = state.secret;
  const bundle = await carryOut(action, state.working?.bundle, { ...options, now: options.clock.now() });
  adopt(store, await write(options, seen, bundle));
}

/** Guarded by what was seen when the decision was made: of two replicas that write at once, one gets a 409. */
function write(options: CertStoreOptions, seen: KubeObject | undefined, bundle: CertBundle): Promise<KubeObject> {
  const { client, namespace, secretName: name } = options;
  const data = toSecretData(bundle);
  if (seen !== undefined) return client.replace(pathOf(KINDS.secrets, { namespace, name }), { ...seen, data });
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', data };
  return client.create(pathOf(KINDS.secrets, { namespace }), body);
}

/** Asks the API server, whose answer to a read without a version is the latest state. */
async function reread(store: Store): Promise<void> {
  const { client, namespace, secretName: name } = store.options;
  const { newest } = store.state;
  const secret = await client.get<KubeObject>(pathOf(KINDS.secrets, { namespace, name })).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  // While we asked, the watch or a write of ours brought something newer.
  if (store.state.newest !== newest && isOlder(secret, store.state.newest)) return;
  adopt(store, secret);
}
