import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { KubeClient } from './client.ts';
import { createEventFilter } from './event-filter.ts';
import { microTime } from './micro-time.ts';
import { KINDS, pathOf } from './paths.ts';

/** The object an Event is about. `uid` is what `kubectl describe` selects by. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
}

/** What happened, in the words of the person at kubectl. */
export interface EventText {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase word, at most 128 characters. */
  readonly reason: string;
  /** Cut at 1024 bytes, the API server's limit. */
  readonly message: string;
}

/** What an event recorder needs. */
export interface EventRecorderOptions {
  readonly client: KubeClient;
  /** Such as `podvisor-agent`. */
  readonly component: string;
  /** Pod or node name. */
  readonly host: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Default 10. */
  readonly perObjectPerMinute?: number;
}

/** Writes Events; fire and forget, never throws. */
export interface EventRecorder {
  record(about: ObjectRef, event: EventText): void;
  /** Resolves when nothing is left to write. */
  flush(): Promise<void>;
}

/** More than this waiting means the API server is away; old news is then worth less than memory. */
const MAX_QUEUED = 256;
const MAX_NOTE_BYTES = 1024;
const CLUSTER_EVENTS_NAMESPACE = 'default';

/**
 * A recorder with a bounded queue, one write at a time, no retries, and no updates: the same event again within a minute is
 * counted in memory, and the count is in the text of the next one written.
 */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { clock, log } = options;
  const filter = createEventFilter(options.perObjectPerMinute ?? 10);
  const queue: (() => Promise<unknown>)[] = [];
  let worker: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    for (let send = queue.shift(); send !== undefined; send = queue.shift()) {
      await send().catch((error: unknown) => log.debug({ reason: messageOf(error) }, 'an event could not be written'));
    }
    worker = undefined;
  };
  return {
    record: (about, event) => {
      const verdict = filter.pass(`${about.kind}/${about.namespace ?? ''}/${about.name}/${about.uid ?? ''}`, event, clock.now());
      if (!verdict.pass || queue.length >= MAX_QUEUED) return log.debug({ about, event }, 'an event was not written: too many');
      const body = eventBody(about, { ...event, message: withCount(event.message, verdict.repeats) }, options);
      queue.push(() => options.client.create(pathOf(KINDS.events, { namespace: body.metadata.namespace }), body));
      worker ??= drain();
    },
    flush: () => worker ?? Promise.resolve(),
  };
}

function withCount(message: string, repeats: number): string {
  const suffix = repeats === 0 ? '' : ` (and ${repeats} more like this before)`;
  return cut(message, MAX_NOTE_BYTES - suffix.length) + suffix;
}

/** Cuts at a character boundary, with an ellipsis. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  // Decoding half a character gives U+FFFD at the end: drop it. The ellipsis takes 3 bytes.
  return `${bytes
    .subarray(0, maxBytes - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/u, '')}…`;
}

type EventBody = Readonly<Record<string, unknown>> & {
  readonly metadata: { readonly generateName: string; readonly namespace: string };
};

/** events.k8s.io/v1: `reportingController`, `reportingInstance`, `action` and `eventTime` are required there. */
function eventBody(about: ObjectRef, event: EventText, { component, host, clock }: EventRecorderOptions): EventBody {
  const namespace = about.namespace ?? CLUSTER_EVENTS_NAMESPACE;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    // A prefix may end in a dash, not in a dot; the API server cuts it to fit.
    metadata: { generateName: `${about.name}-`, namespace },
    eventTime: microTime(clock.now()),
    type: event.type,
    reason: event.reason,
    note: event.message,
    action: event.reason,
    regarding: { ...about },
    reportingController: `podvisor.dev/${component.replace(/^podvisor-/, '')}`,
    reportingInstance: `${component}-${host}`.slice(0, 128),
  };
}
