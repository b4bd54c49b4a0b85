import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { InjectorMode } from '../networks/resources.ts';
import type { Metrics } from '../../runtime/metrics.ts';

/** `error`: the request could not be read, or we failed. */
export type Outcome = 'allowed' | 'refused' | 'error';

/** What the admission server counts. */
export interface AdmissionMetrics {
  /** Call when a request begins; call the result once when it is answered. */
  begin(webhook: string): (outcome: Outcome) => void;
  /** A VM pod was admitted with so much memory beyond guest RAM. */
  overhead(bytes: number): void;
  /** network-resources-injector had been at a VM pod. */
  injector(mode: InjectorMode): void;
}

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Seconds from headers to answer by webhook and outcome, and requests in flight. `now` in milliseconds. */
export function createAdmissionMetrics({ registry }: Metrics, now: () => number): AdmissionMetrics {
  const registers = [registry];
  const duration = new Histogram({
    name: 'podvisor_admission_duration_seconds',
    help: 'Time from the request to the answer.',
    labelNames: ['webhook', 'outcome'] as const,
    buckets: BUCKETS,
    registers,
  });
  const inFlight = new Gauge({
    name: 'podvisor_admission_in_flight',
    help: 'Requests being answered.',
    labelNames: ['webhook'] as const,
    registers,
  });
  const slow = new Counter({
    name: 'podvisor_admission_slow_total',
    help: 'Answers that took more than half of the time the API server waits.',
    labelNames: ['webhook'] as const,
    registers,
  });
  const overhead = overheadHistogram(registers);
  const injectors = injectorCounter(registers);
  return {
    overhead: (bytes) => overhead.observe(bytes),
    injector: (mode) => injectors.inc({ mode }),
    begin: (webhook) => {
      const start = now();
      inFlight.inc({ webhook });
      return (outcome) => {
        const seconds = (now() - start) / 1000;
        inFlight.dec({ webhook });
        duration.observe({ webhook, outcome }, seconds);
        if (seconds > SLOW_SECONDS) slow.inc({ webhook });
      };
    },
  };
}

const OVERHEAD_MIB = [64, 96, 128, 160, 192, 256, 384, 512, 1024, 4096];

/** Half of the webhooks' timeoutSeconds. */
const SLOW_SECONDS = 1;

function overheadHistogram(registers: Registry[]): Histogram {
  return new Histogram({
    name: 'podvisor_admission_overhead_bytes',
    help: 'Memory that admitted VM pods were given beyond guest RAM (the overhead model); the count is the number of admitted VM pods.',
    buckets: OVERHEAD_MIB.map((mib) => mib * 1024 * 1024),
    registers,
  });
}

function injectorCounter(registers: Registry[]): Counter<'mode'> {
  return new Counter({
    name: 'podvisor_admission_injector_total',
    help: 'Requests for VM pods that network-resources-injector had changed, by the mode it showed: honor-resources or unknown.',
    labelNames: ['mode'] as const,
    registers,
  });
}
