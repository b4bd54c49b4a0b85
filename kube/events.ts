import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { KubeClient } from './client.ts';

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

/** A recorder with a bounded queue and a cap per object. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  throw new Error(`being written: ${options.component}`);
}
