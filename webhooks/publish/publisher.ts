import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists, isConflict } from '../../kube/errors.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import type { ResourceKind } from '../../kube/paths.ts';
import { createReflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { aborted, createWake } from '../../certs/wake.ts';
import { CONFIGURATION_NAME } from '../names.ts';
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
  /** PEM of the authorities to publish; undefined until there are any. */
  readonly trust: () => string | undefined;
  /** '' when we answer through the Service with a certificate that `trust` vouches for, else why not. */
  readonly probe: (trust: string) => Promise<string>;
}

/** Keeps the two webhook configurations as they should be, while this replica leads. */
export interface Publisher {
  start(): void;
  stop(): Promise<void>;
  /** Look again now: the trust has changed. */
  poke(): void;
  /** Works until the signal aborts. */
  lead(signal: AbortSignal): Promise<void>;
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

export function createPublisher(options: PublisherOptions): Publisher {
  const wake = createWake();
  const reflectors = CONFIGURATIONS.map(({ kind }) =>
    createReflector({
      ...options,
      path: pathOf(kind),
      query: { fieldSelector: `metadata.name=${CONFIGURATION_NAME}` },
      onChange: () => wake.now(),
    }),
  );
  const publish = async (): Promise<boolean> => {
    const trust = options.trust();
    if (trust === undefined) return true;
    const present = reflectors.map((reflector) => reflector.get(CONFIGURATION_NAME) as WebhookConfiguration | undefined);
    const actions = CONFIGURATIONS.map(({ desired }, index) =>
      nextPublishAction(present[index], desired({ target: options.target, trust })),
    );
    return carryOut(actions, trust, options);
  };
  return {
    start: () => reflectors.forEach((reflector) => reflector.start()),
    stop: async () => {
      await Promise.all(reflectors.map((reflector) => reflector.stop()));
    },
    poke: () => wake.now(),
    lead: async (signal) => {
      const ended = aborted(signal);
      await Promise.race([Promise.all(reflectors.map((reflector) => reflector.whenSynced())), ended]);
      while (!signal.aborted) {
        const changed = wake.next();
        const settled = await publish().catch((error: unknown) => {
          options.log.warn({ reason: messageOf(error) }, 'publishing the webhook configurations failed; trying again');
          return false;
        });
        await Promise.race([changed, ended, ...(settled ? [] : [options.clock.sleep(RETRY_MS, signal)])]);
      }
    },
  };
}

/** True when nothing is left to do before the next change. */
async function carryOut(actions: readonly PublishAction[], trust: string, options: PublisherOptions): Promise<boolean> {
  if (actions.every((action) => action.kind === 'none')) return true;
  // Only a first publication has to wait for us to answer: one that exists already is worse for every second it is wrong.
  const reason = actions.some((action) => action.kind === 'create') ? await options.probe(trust) : '';
  if (reason !== '') {
    options.log.info({ reason }, 'not publishing the webhook configurations yet');
    return false;
  }
  for (const [index, action] of actions.entries()) await write(CONFIGURATIONS[index]?.kind, action, options);
  return true;
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
