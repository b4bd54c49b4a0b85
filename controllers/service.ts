import { Gauge } from 'prom-client';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/events.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Random } from '../runtime/random.ts';
import { createLedWrites } from './leadership/led-writes.ts';
import type { LedWrites } from './leadership/led-writes.ts';
import { createMacCollisions } from './mac-collisions/controller.ts';
import { createPolicyStatus } from './policy-status/controller.ts';
import { createRefusedVms } from './refused-vms/controller.ts';
import { createVmPods } from './vm-pods.ts';

/** What the controllers need: everything that tells a test from the real thing. */
export interface ControllersOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Where the Lease is. */
  readonly namespace: string;
  /** This replica. */
  readonly podName: string;
  readonly leaseMs: number;
  /** Between two writes of one policy's status. Milliseconds. */
  readonly policyStatusMs: number;
  /** Gives memory back that is not needed any more. */
  readonly tidy?: () => void;
}

/** Running controllers. */
export interface ControllersService {
  /** '' = all caches are filled, else why not. A replica that does not lead is as ready as one that does. */
  ready(): string;
  leading(): boolean;
  stop(): Promise<void>;
}

/** Starts every controller: all replicas watch and decide, the leader writes. */
export function startControllers(options: ControllersOptions): ControllersService {
  const { podName, metrics } = options;
  const writes = createLedWrites({ ...options, identity: podName });
  const events = createEventRecorder({ ...options, component: 'podvisor-controllers', host: podName });
  const vmPods = createVmPods(options);
  createMacCollisions({ ...options, events, writes, vmPods });
  const refusedVms = createRefusedVms({ ...options, events, writes });
  const policyStatus = createPolicyStatus({ ...options, writes, vmPods, intervalMs: options.policyStatusMs });
  registerGauges(metrics, writes);
  for (const part of [policyStatus, vmPods, refusedVms]) part.start();
  return {
    ready: () => (vmPods.synced() && refusedVms.synced() ? policyStatus.unready() : 'VM pods not read from the API server yet'),
    leading: () => writes.leading(),
    stop: async () => {
      for (const part of [vmPods, refusedVms, policyStatus, writes]) await part.stop();
      await events.flush();
    },
  };
}

function registerGauges({ registry }: Metrics, writes: LedWrites): void {
  const gauge = (name: string, help: string, value: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge(
    'podvisor_controllers_leading',
    '1 while this replica holds the Lease, which is only while there is something to write.',
    () => (writes.leading() ? 1 : 0),
  );
  gauge('podvisor_controllers_pending_writes', 'Objects whose report differs from what it should be.', () => writes.pending());
}
