import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '../kube/client.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import type { KubeObject } from '../kube/objects.ts';
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
import type { CertGauges } from './gauges.ts';
import { createSecretFollower } from './secret-follower.ts';
import type { SecretFollower } from './secret-follower.ts';
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
  readonly gauges: CertGauges;
}

/**
 * The serving certificate, kept in a Secret. Every replica follows the Secret, serves what is in it, and writes it when something is due:
 * the Secret's version decides whose write counts, and the others take over what it says (ADR 0005). A Secret that breaks or vanishes
 * leaves the certificate in use where it is.
 */
export interface CertStore extends CertificateSource {
  start(): void;
  stop(): Promise<void>;
  /** '' = there is a certificate to serve, else why not. */
  problem(): string;
  /** PEM of all authorities to trust; undefined until there are any. */
  trust(): string | undefined;
  /** As {@link CertStore.trust}, but of the Secret as it is now: undefined when there is none that can be used. Throws KubeError. */
  readTrust(): Promise<string | undefined>;
  /** The bundle to publish where `published` is published now: whoever is served by an old authority still needs it. */
  withPublished(trust: string, published: string): string;
}

interface Working {
  readonly bundle: CertBundle;
  readonly facts: CertFacts;
}

interface State {
  stored: Inspection | undefined;
  /** The last bundle that worked. */
  working: Working | undefined;
}

interface Store {
  readonly options: CertStoreOptions;
  readonly state: State;
  readonly follower: SecretFollower;
  readonly wake: Wake;
  /** See CertSituation. */
  readonly spread: number;
}

/** Reads nothing before {@link CertStore.start}. */
export function createCertStore(options: CertStoreOptions): CertStore {
  const state: State = { stored: undefined, working: undefined };
  const listeners = new Set<() => void>();
  const wake = createWake();
  const onSecret = (secret: KubeObject | undefined): void => {
    adopt(state, secret, options, () => listeners.forEach((listener) => listener()));
    wake.now();
  };
  const follower = createSecretFollower({ ...options, onSecret });
  const store: Store = { options, state, follower, wake, spread: options.random() };
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;
  return {
    start: () => {
      follower.start();
      loop ??= work(store, stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([follower.stop(), loop]);
    },
    current: () => servingPair(state),
    problem: () => (state.working === undefined ? 'no serving certificate yet' : ''),
    trust: () => trustOf(state),
    readTrust: async () => {
      await follower.reread();
      return state.stored?.ok === true ? trustOf(state) : undefined;
    },
    // The Secret itself holds the authorities that overlap.
    withPublished: (trust) => trust,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function servingPair({ working }: State): KeyPair | undefined {
  return working && { keyPem: working.bundle.leafKey, certPem: working.bundle.leafCert };
}

function trustOf({ working }: State): string | undefined {
  return working && trustText(working.bundle);
}

async function work(store: Store, signal: AbortSignal): Promise<void> {
  await Promise.race([store.follower.whenSynced(), aborted(signal)]);
  const parts = {
    decide: () => decide(store),
    act: (action: CertAction) => act(store, action),
    reread: () => store.follower.reread(),
  };
  await keepValid({ ...store.options, wake: store.wake, ...parts }, signal);
}

/** Takes over what the Secret says now, and tells everybody who serves or publishes it. */
function adopt(state: State, secret: KubeObject | undefined, options: CertStoreOptions, changed: () => void): void {
  const bundle = secret && fromSecretData(secret['data'] as Record<string, string> | undefined);
  state.stored = bundle && inspectBundle(bundle);
  if (state.stored?.ok === false) options.log.warn({ reason: state.stored.reason }, 'the certificate Secret cannot be used');
  if (bundle === undefined || state.stored?.ok !== true) return;
  const before = state.working?.bundle;
  state.working = { bundle, facts: state.stored.facts };
  show(state.working, before, options.gauges);
  if (!isDeepStrictEqual(before, bundle)) changed();
}

function show({ bundle, facts }: Working, before: CertBundle | undefined, gauges: CertGauges): void {
  gauges.authority(facts.authorities[0]?.notAfter ?? 0);
  gauges.leaf(facts.leaf.notAfter, before?.leafCert !== bundle.leafCert);
}

function decide({ options, state, spread }: Store): CertAction {
  const { dnsNames, lifetimes, clock } = options;
  const remembered = state.working !== undefined;
  return nextCertAction({ stored: state.stored, remembered, dnsNames, now: clock.now(), lifetimes, spread });
}

async function act({ options, state, follower }: Store, action: CertAction): Promise<void> {
  const seen = follower.secret();
  const bundle = await carryOut(action, state.working?.bundle, { ...options, now: options.clock.now() });
  follower.wrote(await write(options, seen, bundle));
}

/** Guarded by what was seen when the decision was made: of two replicas that write at once, one gets a 409. */
function write(options: CertStoreOptions, seen: KubeObject | undefined, bundle: CertBundle): Promise<KubeObject> {
  const { client, namespace, secretName: name } = options;
  const data = toSecretData(bundle);
  if (seen !== undefined) return client.replace(pathOf(KINDS.secrets, { namespace, name }), { ...seen, data });
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', data };
  return client.create(pathOf(KINDS.secrets, { namespace }), body);
}
