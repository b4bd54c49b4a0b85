import { Gauge, type Registry } from 'prom-client';
import type { Clock } from '../../runtime/clock.ts';
import { ageOf, type Source } from './source.ts';

/** Presence and age of each source, asked at each scrape. */
export function createSourceGauges(registry: Registry, sources: () => readonly Source[], clock: Pick<Clock, 'now'>): void {
  const registers = [registry];
  new Gauge({
    name: 'podvisor_placement_source_present',
    help: 'Whether the cluster has what tells these facts of nodes.',
    labelNames: ['source'],
    registers,
    collect() {
      for (const source of sources()) this.set({ source: source.name }, Number(source.present()));
    },
  });
  new Gauge({
    name: 'podvisor_placement_source_age_seconds',
    help: 'Time since a source that is present last answered; its facts do not count after 300.',
    labelNames: ['source'],
    registers,
    collect() {
      this.reset();
      for (const source of sources()) {
        const age = source.present() ? ageOf(source, clock.now()) : undefined;
        if (age !== undefined) this.set({ source: source.name }, age / 1000);
      }
    },
  });
}
