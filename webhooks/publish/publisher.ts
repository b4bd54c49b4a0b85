import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists, isConflict } from '../../kube/errors.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import type { ResourceKind } from '../../kube/paths.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { createReflector } from '../../kube/reflector.ts';
import type { Reflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { aborted, createWake } from '../../certs/wake.ts';
import type { Wake } from '../../certs/wake.ts';
import { CONFIGURATION_NAME } from '../names.ts';
import { createBudget } from './budget.ts';
import type { Budget } from './budget.ts';
import { mutatingConfiguration, validatingConfiguration } from './configurations.ts';
import type { ConfigurationInput, Target, WebhookConfiguration } from './configurations.ts';
import { nextPublishAction } from './next-publish-action.ts';
import type { PublishAction } from './next-publish-action.ts';

/** What the publisher needs. */
export interface PublisherOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly target: Target;
  /** PEM of the authorities to publish as this replica knows them; undefined until there are any. */
  readonly trust: () => string | undefined;
  /** The same, read from the Secret now: nothing else is ever written. */
  readonly readTrust: () => Promise<string | undefined>;
  /** '' when we answer through the Service with a certificate that `trust` vouches for, else why not. */
  readonly probe: (trust: string) => Promise<string>;
}

/** Keeps the two webhook configurations as they should be. Runs in every replica (ADR 0005). */
export interface Publisher {
  start(): void;
  stop(): Promise<void>;
  /** Look again now: the trust has changed. */
  poke(): void;
}

interface Kind {
  readonly kind: ResourceKind;
  readonly desired: (input: ConfigurationInput) => WebhookConfiguration;
}

/** The validating one first: with it alone a labelled pod is refused, with the mutating one alone nothing would check the result. */
const CONFIGURATIONS: readonly Kind[] = [
  { kind: KINDS.validatingWebhooks, desired: validatingConfiguration },
  { kind: KINDS.mutatingWebhooks, desired: mutatingConfiguration },
];

const RETRY_MS = 1000;
/** During an upgrade two versions of us may want different things, and so may other tools: nobody's quarrel may flood the API server. */
const CORRECTIONS = { burst: 20, refillMs: 30_000 } as const;

interface Publishing {
  readonly options: PublisherOptions;
  readonly reflectors: readonly Reflector<KubeObject>[];
  readonly corrections: Budget;
}

export function createPublisher(options: PublisherOptions): Publisher {
  const wake = createWake();
  const stopping = new AbortController();
  const reflectors = CONFIGURATIONS.map(({ kind }) =>
    createReflector({
      ...options,
      path: pathOf(kind),
      query: { fieldSelector: `metadata.name=${CONFIGURATION_NAME}` },
      onChange: () => wake.now(),
    }),
  );
  let loop: Promise<void> | undefined;
  return {
    start: () => {
      reflectors.forEach((reflector) => reflector.start());
      loop ??= keepPublished({ options, reflectors, corrections: createBudget(CORRECTIONS) }, wake, stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([...reflectors.map((reflector) => reflector.stop()), loop]);
    },
    poke: () => wake.now(),
  };
}

async function keepPublished(publishing: Publishing, wake: Wake, signal: AbortSignal): Promise<void> {
  const { options, reflectors } = publishing;
  const ended = aborted(signal);
  await Promise.race([Promise.all(reflectors.map((reflector) => reflector.whenSynced())), ended]);
  while (!signal.aborted) {
    const changed = wake.next();
    const againMs = await publish(publishing).catch((error: unknown) => {
      options.log.warn({ reason: messageOf(error) }, 'publishing the webhook configurations failed; trying again');
      return RETRY_MS;
    });
    if (againMs === 0) await Promise.race([changed, ended]);
    else await options.clock.sleep(againMs, signal);
  }
}

/**
 * Milliseconds until the next try; 0 = nothing is left to do before the next change. The order makes it safe for many replicas: a write
 * counts only if the configuration is still the one seen before the Secret was read, so what is published never gets older.
 */
async function publish(publishing: Publishing): Promise<number> {
  const { options, reflectors } = publishing;
  const present = reflectors.map((reflector) => reflector.get(CONFIGURATION_NAME) as WebhookConfiguration | undefined);
  const known = options.trust();
  if (known === undefined || actionsFor(present, known, options).every(isNone)) return 0;
  const trust = await options.readTrust();
  // Whoever is first to write the Secret anew tells us by a change of it; this is only for the time between.
  if (trust === undefined) return RETRY_MS;
  const actions = actionsFor(present, trust, options);
  return actions.every(isNone) ? 0 : carryOut(actions, trust, publishing);
}

function actionsFor(
  present: readonly (WebhookConfiguration | undefined)[],
  trust: string,
  { target }: PublisherOptions,
): PublishAction[] {
  return CONFIGURATIONS.map(({ desired }, index) => nextPublishAction(present[index], desired({ target, trust })));
}

function isNone(action: PublishAction): boolean {
  return action.kind === 'none';
}

async function carryOut(actions: readonly PublishAction[], trust: string, publishing: Publishing): Promise<number> {
  const { options, corrections } = publishing;
  // Only a first publication has to wait for us to answer: one that exists already is worse for every second it is wrong.
  const reason = actions.some((action) => action.kind === 'create') ? await options.probe(trust) : '';
  if (reason !== '') {
    options.log.info({ reason }, 'not publishing the webhook configurations yet');
    return RETRY_MS;
  }
  for (const [index, action] of actions.entries()) {
    const waitMs = action.kind === 'replace' ? corrections.take(options.clock.now()) : 0;
    if (waitMs > 0) {
      options.log.warn({ waitMs }, 'somebody keeps changing the webhook configurations; correcting them less often');
      return waitMs;
    }
    await write(CONFIGURATIONS[index]?.kind, action, options);
  }
  return 0;
}

async function write(kind: ResourceKind | undefined, action: PublishAction, { client, log }: PublisherOptions): Promise<void> {
  if (kind === undefined || action.kind === 'none') return;
  try {
    if (action.kind === 'create') await client.create(pathOf(kind), action.body);
    else await client.replace(pathOf(kind, { name: CONFIGURATION_NAME }), action.body);
    log.info(
      { kind: action.body.kind, reason: action.kind === 'create' ? 'missing' : action.reason },
      'webhook configuration written',
    );
  } catch (error) {
    // Somebody was faster; the watch brings what they wrote and wakes us.
    if (!isConflict(error) && !isAlreadyExists(error)) throw error;
  }
}
