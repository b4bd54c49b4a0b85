import { type Attachment, attachmentOf, type Attachments } from '../../api/attachments.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNotFound } from '../../kube/errors.ts';
import { type KubeObject, splitKey } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';

/** What {@link createAttachmentStore} needs. */
export interface AttachmentStoreOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The cluster's NetworkAttachmentDefinitions, as far as admission reads them. */
export interface AttachmentStore {
  start(): void;
  stop(): Promise<void>;
  /**
   * Those of `keys` (`namespace/name`) that are there. One that the cache does not have, perhaps because it was created a moment ago, is
   * asked for once, for at most {@link READ_LIMIT_MS}. Never rejects.
   */
  gather(keys: readonly string[]): Promise<Attachments>;
}

/** Well below the 2 s the API server waits for us. */
export const READ_LIMIT_MS = 500;

/** A store that follows the cluster; it works, by single reads, before its first list and while the kind is not installed. */
export function createAttachmentStore(options: AttachmentStoreOptions): AttachmentStore {
  const cache = createReflector<Attachment>({
    ...options,
    path: pathOf(KINDS.networkAttachments),
    keep: attachmentOf,
    mayBeAbsent: true,
  });
  const reading = new Map<string, Promise<Attachment | undefined>>();
  /** Many pods of one workload arrive together: they share a read. */
  const readOnce = (key: string): Promise<Attachment | undefined> => {
    const read = reading.get(key) ?? readBounded(key, options).finally(() => reading.delete(key));
    reading.set(key, read);
    return read;
  };
  return {
    start: () => cache.start(),
    stop: () => cache.stop(),
    gather: async (keys) => {
      const found = await Promise.all(keys.map(async (key) => [key, cache.get(key) ?? (await readOnce(key))] as const));
      return Object.fromEntries(found.filter((pair): pair is [string, Attachment] => pair[1] !== undefined));
    },
  };
}

async function readBounded(key: string, { client, clock }: AttachmentStoreOptions): Promise<Attachment | undefined> {
  const late = new AbortController();
  const deadline = clock
    .sleep(READ_LIMIT_MS, late.signal)
    .then(() => unread(`the API server did not answer within ${READ_LIMIT_MS} ms`));
  const read = client
    .get<KubeObject>(pathOf(KINDS.networkAttachments, splitKey(key)))
    .then(attachmentOf)
    .catch((error: unknown) => (isNotFound(error) ? undefined : unread(messageOf(error))));
  return Promise.race([read, deadline]).finally(() => late.abort());
}

function unread(reason: string): Attachment {
  return { types: [], problem: `cannot be read (${reason}); try again` };
}
