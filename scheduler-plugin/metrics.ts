import { Counter, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** What the extender counts. */
export interface ExtenderMetrics {
  readonly requestSeconds: Histogram<'verb'>;
  readonly errors: Counter<'verb'>;
  readonly nodes: Counter<'verdict'>;
}

/** The scheduler gives up after its `httpTimeout` (2 s in our configuration), which is the last bucket but one. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];

export function createExtenderMetrics(registry: Registry): ExtenderMetrics {
  const registers = [registry];
  return {
    requestSeconds: new Histogram({
      name: 'podvisor_extender_request_seconds',
      help: 'Time from a decoded request to its answer.',
      labelNames: ['verb'],
      buckets: BUCKETS,
      registers,
    }),
    errors: new Counter({
      name: 'podvisor_extender_errors_total',
      help: 'Requests that failed the scheduling attempt.',
      labelNames: ['verb'],
      registers,
    }),
    nodes: new Counter({
      name: 'podvisor_extender_nodes_total',
      help: 'Nodes judged for a VM pod.',
      labelNames: ['verdict'],
      registers,
    }),
  };
}
