import { Gauge, Histogram } from 'prom-client';
import type { Metrics } from '../runtime/metrics.ts';

/** The agent's own metrics. */
export interface AgentMetrics {
  readonly startSeconds: Histogram;
  readonly kvmUsable: Gauge;
}

/** What is counted at scrape time. */
export interface SlotCounts {
  readonly inUse: number;
  readonly connected: number;
}

/** Registers the agent's metrics. */
export function createAgentMetrics({ registry }: Metrics, counts: () => SlotCounts): AgentMetrics {
  const registers = [registry];
  for (const [name, help, value] of [
    ['podvisor_agent_slots_in_use', 'VM slots handed to containers.', (now: SlotCounts) => now.inUse],
    ['podvisor_agent_qmp_connected', 'Slots whose QEMU is connected.', (now: SlotCounts) => now.connected],
  ] as const) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value(counts()));
      },
    });
  }
  const kvmUsable = new Gauge({ name: 'podvisor_agent_kvm_usable', help: '1 = the KVM self-test guest ran.', registers });
  kvmUsable.set(0);
  const startSeconds = new Histogram({
    name: 'podvisor_agent_start_seconds',
    help: "From the launcher's ready to its arguments; the count is the number of starts.",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  return { kvmUsable, startSeconds };
}
