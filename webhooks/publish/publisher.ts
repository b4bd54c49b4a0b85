import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists, isConflict } from '../../kube/errors.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import type { ResourceKind } from '../../kube/paths.ts';
import type { KubeObject } from '../../kube/objects.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { CONFIGURATION_NAME } from '../names.ts';
import { createBudget } from './budget.ts';
import type { Budget } from './budget.ts';
import { mutatingConfiguration, validatingConfiguration } from './configurations.ts';
import type { ConfigurationInput, Target, WebhookConfiguration } from './configurations.ts';
import { isForeign, nextPublishAction } from './next-publish-action.ts';
import { CORRECTIONS, createKeeper, RETRY_MS } from './keeper.ts';
import type { Keeper } from './keeper.ts';
import type { PublishAction } from './next-publish-action.ts';
import type { Restorations } from './restorations.ts';

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
  /** What to publish instead of `trust` where another bundle (PEM) is published now. */
  readonly withPublished: (trust: string, published: string) => string;
  /** '' when we answer through the Service with a certificate that `trust` vouches for, else why not. */
  readonly probe: (trust: string) => Promise<string>;
  readonly restorations: Restorations;
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

type Present = readonly (WebhookConfiguration | undefined)[];

interface Publishing {
  readonly options: PublisherOptions;
  readonly corrections: Budget;
  /** Kinds of configurations that have been there: one of these that is missing was deleted. */
  readonly seen: Set<string>;
}

/** Keeps the two webhook configurations as they should be. Runs in every replica (ADR 0005). */
export function createPublisher(options: PublisherOptions): Keeper {
  const publishing: Publishing = { options, corrections: createBudget(CORRECTIONS), seen: new Set() };
  return createKeeper({
    ...options,
    objects: CONFIGURATIONS.map(({ kind }) => ({ path: pathOf(kind), name: CONFIGURATION_NAME })),
    work: async (present) => publish(present as unknown as Present, publishing),
    failure: 'publishing the webhook configurations failed; trying again',
  });
}

/**
 * Milliseconds until the next try; 0 = nothing is left to do before the next change. The order makes it safe for many replicas: a write
 * counts only if the configuration is still the one seen before the Secret was read, so what is published never gets older.
 */
async function publish(present: Present, publishing: Publishing): Promise<number> {
  const { options, seen } = publishing;
  for (const [index, { kind }] of CONFIGURATIONS.entries()) if (present[index] !== undefined) seen.add(kind.plural);
  const known = options.trust();
  if (known === undefined || actionsFor(present, known, options).every(isNone)) return 0;
  const trust = await options.readTrust();
  // Whoever is first to write the Secret anew tells us by a change of it; this is only for the time between.
  if (trust === undefined) return RETRY_MS;
  const actions = actionsFor(present, trust, options);
  return actions.every(isNone) ? 0 : carryOut(actions, trust, publishing);
}

function actionsFor(present: Present, trust: string, { target, withPublished }: PublisherOptions): PublishAction[] {
  return CONFIGURATIONS.map(({ desired }, index) => {
    const actual = present[index];
    return nextPublishAction(actual, desired({ target, trust: withPublished(trust, publishedTrust(actual)) }));
  });
}

function publishedTrust(configuration: WebhookConfiguration | undefined): string {
  const { caBundle = '' } = (configuration?.webhooks?.[0]?.['clientConfig'] as { caBundle?: string } | undefined) ?? {};
  return Buffer.from(caBundle, 'base64').toString('utf8');
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
    await write(CONFIGURATIONS[index]?.kind, action, publishing);
  }
  return 0;
}

async function write(kind: ResourceKind | undefined, action: PublishAction, publishing: Publishing): Promise<void> {
  if (kind === undefined || action.kind === 'none') return;
  const { client, log } = publishing.options;
  try {
    const written =
      action.kind === 'create'
        ? await client.create<KubeObject>(pathOf(kind), action.body)
        : await client.replace<KubeObject>(pathOf(kind, { name: CONFIGURATION_NAME }), action.body);
    log.info(
      { kind: action.body.kind, reason: action.kind === 'create' ? 'missing' : action.fields.join(', ') },
      'webhook configuration written',
    );
    report({ ...action, body: { ...action.body, metadata: written.metadata } }, kind, publishing);
  } catch (error) {
    // Somebody was faster; the watch brings what they wrote and wakes us.
    if (!isConflict(error) && !isAlreadyExists(error)) throw error;
  }
}

/** A first publication and a renewal of certificates are ours; everything else puts right what somebody did. */
function report(action: Exclude<PublishAction, { kind: 'none' }>, kind: ResourceKind, { options, seen }: Publishing): void {
  const fields = action.kind === 'create' ? [] : action.fields;
  const foreign = action.kind === 'create' ? seen.has(kind.plural) : isForeign(fields);
  if (foreign) options.restorations.report(action.body, fields);
}
