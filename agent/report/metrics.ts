import { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../runtime/metrics.ts';

/** Metrics of the report. */
export interface ReportMetrics {
  wrote(): void;
  failed(step: 'read' | 'load' | 'write'): void;
  /** When the report at the API server was last known to be what we wrote; milliseconds since the epoch, 0 = never. */
  checkedAt(time: number): void;
}

/** Registers them; `now` in milliseconds, for the age. */
export function createReportMetrics({ registry }: Metrics, now: () => number): ReportMetrics {
  const registers = [registry];
  const writes = new Counter({ name: 'podvisor_agent_report_writes_total', help: 'NodeReports written.', registers });
  const failures = new Counter({
    name: 'podvisor_agent_report_failures_total',
    help: 'Failures to read the node (read), or to read or write its NodeReport at the API server (load, write).',
    labelNames: ['step'],
    registers,
  });
  for (const step of ['read', 'load', 'write']) failures.inc({ step }, 0);
  let checked = 0;
  new Gauge({
    name: 'podvisor_agent_report_age_seconds',
    help: 'Since the NodeReport at the API server was last written or compared; about 60 at most while all is well, -1 before the first time.',
    registers,
    collect() {
      this.set(checked === 0 ? -1 : Math.max(0, now() - checked) / 1000);
    },
  });
  return {
    wrote: () => writes.inc(),
    failed: (step) => failures.inc({ step }),
    checkedAt: (time) => {
      checked = time;
    },
  };
}
