import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** What the extender counts. */
export interface ExtenderMetrics {
  readonly requestSeconds: Histogram<'verb'>;
  readonly errors: Counter<'verb'>;
  readonly nodes: Counter<'verdict'>;
  readonly bindings: Counter<'outcome'>;
  readonly expired: Counter;
  readonly evictions: Counter;
  readonly wakes: Counter;
}

/** What is asked at each scrape. */
export interface Gauges {
  reservations(): number;
  /** VMs told that another node would be better. */
  hinted(): number;
  /** Nodes known, and of these with a NodeReport. */
  nodes(): { readonly all: number; readonly reported: number };
}

/** The scheduler gives up after its `httpTimeout` (2 s in our configuration), which is the last bucket but one. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];

export function createExtenderMetrics(registry: Registry, gauges?: Gauges): ExtenderMetrics {
  const registers = [registry];
  if (gauges !== undefined) createGauges(registers, gauges);
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
    bindings: new Counter({
      name: 'podvisor_placement_bindings_total',
      help: 'Bindings asked for; conflict: the room had gone to another VM since the filter; held: no kubelet has accepted others of its controller yet.',
      labelNames: ['outcome'],
      registers,
    }),
    expired: new Counter({
      name: 'podvisor_placement_expiries_total',
      help: 'Reservations whose pod was never seen bound.',
      registers,
    }),
    ...actionCounters(registers),
  };
}

function actionCounters(registers: Registry[]): Pick<ExtenderMetrics, 'evictions' | 'wakes'> {
  return {
    evictions: new Counter({
      name: 'podvisor_placement_evictions_total',
      help: 'VMs that the extender itself evicted for one of higher priority.',
      registers,
    }),
    wakes: new Counter({
      name: 'podvisor_placement_wakes_total',
      help: 'Times that a VM that waited was brought back to the scheduler, because a node would take it now.',
      registers,
    }),
  };
}

function createGauges(registers: Registry[], gauges: Gauges): void {
  new Gauge({
    name: 'podvisor_placement_reservations',
    help: 'Pods bound, or about to be, that the pod watch has not shown yet.',
    registers,
    collect() {
      this.set(gauges.reservations());
    },
  });
  new Gauge({
    name: 'podvisor_placement_misplaced_vms',
    help: 'Running VMs for which another node would be clearly better (condition podvisor.dev/better-node).',
    registers,
    collect() {
      this.set(gauges.hinted());
    },
  });
  new Gauge({
    name: 'podvisor_placement_nodes',
    help: 'Nodes known, by whether their agent reports zones and functions.',
    labelNames: ['report'],
    registers,
    collect() {
      const { all, reported } = gauges.nodes();
      this.set({ report: 'yes' }, reported);
      this.set({ report: 'no' }, all - reported);
    },
  });
}
