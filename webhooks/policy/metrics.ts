import { Counter } from 'prom-client';
import type { Metrics } from '../../runtime/metrics.ts';
import type { PolicyVerdict } from '../../policy/types.ts';

/** Counts what policies found: each policy once for a pod. */
export type CountViolations = (verdict: PolicyVerdict) => void;

export function createPolicyMetrics({ registry }: Metrics): CountViolations {
  const violations = new Counter({
    name: 'podvisor_policy_violations_total',
    help: 'Pods at admission that a VirtualMachinePolicy objected to; dry runs are not counted.',
    labelNames: ['policy', 'mode'] as const,
    registers: [registry],
  });
  return ({ refusals, warnings, audits }) => {
    const modes = [['enforce', refusals], ['warn', warnings], ['audit', audits]] as const; // prettier-ignore
    for (const [mode, found] of modes) {
      for (const policy of new Set(found.map((one) => one.policy))) violations.inc({ policy, mode });
    }
  };
}
