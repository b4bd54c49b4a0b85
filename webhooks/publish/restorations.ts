import { Counter } from 'prom-client';
import type { EventRecorder } from '../../kube/events.ts';
import type { Metrics } from '../../runtime/metrics.ts';

/** An object that was put back. */
export interface Restored {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly uid?: string };
}

/** Tells people that something of ours was taken away or changed, and is as it was again. */
export interface Restorations {
  /** `fields` are those that were changed; none = the object was deleted. */
  report(object: Restored, fields: readonly string[]): void;
}

/** Counts in `podvisor_restored_total{kind,name}` and writes a Warning Event about the object. */
export function createRestorations({ registry }: Metrics, events: EventRecorder): Restorations {
  const total = new Counter({
    name: 'podvisor_restored_total',
    help: 'Admission objects of ours that were deleted or changed and have been put back.',
    labelNames: ['kind', 'name'] as const,
    registers: [registry],
  });
  return {
    report: ({ apiVersion, kind, metadata: { name, uid } }, fields) => {
      total.inc({ kind, name });
      const what = fields.length === 0 ? 'was deleted' : `was changed (${fields.join(', ')})`;
      const message = `${what} and has been restored by podvisor-webhook. To remove it, remove Podvisor: delete its Deployment podvisor-webhook first.`;
      events.record(
        { apiVersion, kind, name, ...(uid === undefined ? {} : { uid }) },
        { type: 'Warning', reason: 'Restored', message },
      );
    },
  };
}
