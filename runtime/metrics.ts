import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { VERSION } from './version.ts';

/** The metrics of one process. Make yours with `new Counter({ …, registers: [metrics.registry] })`, names `podvisor_…`. */
export interface Metrics {
  readonly registry: Registry;
}

/** An own registry with the process metrics of prom-client and `podvisor_build_info{component,version}`. */
export function createMetrics(component: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'podvisor_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['component', 'version', 'node'],
    registers: [registry],
  }).set({ component, version: VERSION, node: process.version }, 1);
  return { registry };
}
