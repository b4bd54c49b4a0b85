import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import type { KubeObject } from '../kube/objects.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import { createReflector } from '../kube/reflector.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { isOlder, versionOf } from './version.ts';

/** What a follower needs. */
export interface SecretFollowerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly namespace: string;
  readonly secretName: string;
  /** Called with the Secret whenever it may have changed; undefined = there is none. */
  readonly onSecret: (secret: KubeObject | undefined) => void;
}

/** Knows one Secret: by watch, by reading it now, and by what this process has written. */
export interface SecretFollower {
  start(): void;
  stop(): Promise<void>;
  /** Resolves once the Secret, or that there is none, is known. */
  whenSynced(): Promise<void>;
  /** As last seen or written. */
  secret(): KubeObject | undefined;
  /** This process has written it. */
  wrote(secret: KubeObject): void;
  /** Asks the API server, whose answer to a read without a version is the latest state. Throws KubeError. */
  reread(): Promise<void>;
}

/** Watch events from before what was read or written are skipped. */
export function createSecretFollower(options: SecretFollowerOptions): SecretFollower {
  const { client, namespace, secretName: name } = options;
  let known: KubeObject | undefined;
  /** Version of the newest Secret seen or written. */
  let newest: bigint | undefined;
  const take = (secret: KubeObject | undefined): void => {
    known = secret;
    newest = versionOf(secret) ?? newest;
    options.onSecret(secret);
  };
  const reflector = createReflector({
    ...options,
    path: pathOf(KINDS.secrets, { namespace }),
    query: { fieldSelector: `metadata.name=${name}` },
    // The watch may still be on its way to what this process has read or written already.
    onChange: (_key, secret) => (secret !== undefined && isOlder(secret, newest) ? undefined : take(secret)),
  });
  return {
    start: () => reflector.start(),
    stop: () => reflector.stop(),
    whenSynced: () => reflector.whenSynced(),
    secret: () => known,
    wrote: take,
    reread: async () => {
      const before = newest;
      const secret = await client.get<KubeObject>(pathOf(KINDS.secrets, { namespace, name })).catch(ifFound);
      // While we asked, the watch or a write of ours brought something newer.
      if (newest === before || !isOlder(secret, newest)) take(secret);
    },
  };
}

function ifFound(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}
