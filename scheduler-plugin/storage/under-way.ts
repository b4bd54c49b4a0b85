import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import type { Wanted } from '../placement/wanted.ts';
import type { ExtenderPod } from '../protocol.ts';
import type { FollowedSource, Source } from '../sources/source.ts';
import { WAITING_VMS } from '../sources/vm-pods.ts';
import type { SourceParts } from './locators.ts';

/** Read once: before, nothing is answered. */
export type UnderWay = Pick<Source, 'name' | 'start' | 'stop' | 'synced'>;

export interface UnderWayOptions extends SourceParts {
  /** What has to be known before a promise can be made. */
  readonly after: readonly Pick<FollowedSource, 'whenSynced'>[];
  /** undefined = it needs no room of a pool. */
  readonly wanted: (pod: ExtenderPod) => Wanted | undefined;
  /** Keeps room for the VM wherever it may go. */
  readonly promise: (wanted: Wanted) => void;
}

/**
 * VMs that had no node when this process began. The one before may have let any of them pass a filter, and was gone before the scheduler had written
 * its choice to their claims; nothing in the API server tells them from others. So each is promised its room on all nodes, until its claims show where
 * it goes or the scheduler asks about it again, which it does only when it has not chosen.
 */
export function createUnderWay({ after, wanted, promise, ...parts }: UnderWayOptions): UnderWay {
  const stopping = new AbortController();
  let isRead = false;
  let pods: Reflector<Wanted> | undefined;
  const read = async (): Promise<void> => {
    await Promise.all(after.map((one) => one.whenSynced()));
    if (stopping.signal.aborted) return;
    const keep = (raw: object): Wanted | undefined => (isGated(raw) ? undefined : wanted(raw));
    pods = createReflector<Wanted>({ ...parts, path: pathOf(KINDS.pods), query: WAITING_VMS, keep });
    pods.start();
    await pods.whenSynced();
    for (const one of pods.list()) promise(one);
    isRead = true;
    await pods.stop();
    pods = undefined;
  };
  return {
    name: 'VMs without a node',
    start: () => void read(),
    stop: async () => {
      stopping.abort();
      await pods?.stop();
    },
    synced: () => isRead,
  };
}

/** The scheduler does not look at it yet. */
function isGated({ spec }: { readonly spec?: { readonly schedulingGates?: readonly unknown[] } }): boolean {
  return (spec?.schedulingGates?.length ?? 0) > 0;
}
