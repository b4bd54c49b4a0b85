import { Gauge } from 'prom-client';
import type { Clock } from '../runtime/clock.ts';
import type { Metrics } from '../runtime/metrics.ts';

/** What Prometheus learns of certificates. Times in milliseconds since the epoch. */
export interface CertGauges {
  /** The serving certificate in use; `changed` = another one than before. */
  leaf(notAfter: number, changed: boolean): void;
  /** The authority that signs, or the first one of somebody else's. */
  authority(notAfter: number): void;
}

/** `podvisor_certificate_expiry_timestamp_seconds{name}` and `podvisor_certificate_last_rotation_timestamp_seconds{name}`. */
export function createCertGauges({ registry }: Metrics, clock: Clock, name: string): CertGauges {
  const common = { labelNames: ['name'] as const, registers: [registry] };
  const expiry = new Gauge({
    name: 'podvisor_certificate_expiry_timestamp_seconds',
    help: 'When a certificate expires, seconds since the epoch.',
    ...common,
  });
  const rotation = new Gauge({
    name: 'podvisor_certificate_last_rotation_timestamp_seconds',
    help: 'When this process took over the certificate it serves, seconds since the epoch.',
    ...common,
  });
  return {
    leaf: (notAfter, changed) => {
      expiry.set({ name }, notAfter / 1000);
      if (changed) rotation.set({ name }, clock.now() / 1000);
    },
    authority: (notAfter) => expiry.set({ name: `${name}-ca` }, notAfter / 1000),
  };
}
