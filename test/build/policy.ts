import type { PolicySpec } from '../../api/policy.ts';
import { violationText } from '../../api/violation.ts';
import { compilePolicy } from '../../policy/compile.ts';
import type { CompiledPolicy, PolicySubject, PolicyVerdict } from '../../policy/types.ts';
import { guestSpec } from './guest.ts';
import { vmPod } from './pod.ts';

/** A policy as the API server has it. */
export function policyObject(name: string, spec: PolicySpec | object = {}): object {
  return { apiVersion: 'podvisor.dev/v1alpha1', kind: 'VirtualMachinePolicy', metadata: { name }, spec };
}

/** A policy ready to be applied. */
export function policy(name: string, spec: PolicySpec | object = {}): CompiledPolicy {
  return compilePolicy(policyObject(name, spec));
}

/** A pod in namespace `team` and what admission made of it, nothing else in the namespace. */
export function subject(fields: Partial<PolicySubject> = {}): PolicySubject {
  return { pod: vmPod(), guest: guestSpec(), namespace: { name: 'team', labels: {} }, usage: [], ...fields };
}

/** All of a verdict as lines: `refused: field: "value": message`. */
export function verdictLines({ refusals, warnings, audits }: PolicyVerdict): string[] {
  return [
    ...refusals.map((one) => `refused: ${violationText(one)}`),
    ...warnings.map((one) => `warned: ${violationText(one)}`),
    ...audits.map((one) => `audited: ${violationText(one)}`),
  ];
}
