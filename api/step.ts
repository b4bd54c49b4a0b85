import type { Violation } from './violation.ts';

/** What one step of the parser makes of its part of the pod. With violations the value is a stand-in that lets later steps go on. */
export interface Step<T> {
  readonly value: T;
  readonly violations: readonly Violation[];
  readonly warnings?: readonly string[];
}

/** A value without objection. */
export function good<T>(value: T, warnings: readonly string[] = []): Step<T> {
  return { value, violations: [], warnings };
}

/** A stand-in value and one objection. */
export function bad<T>(standIn: T, violation: Violation): Step<T> {
  return { value: standIn, violations: [violation] };
}

/** Takes the values out of steps and keeps what they said, in order. */
export interface Collector {
  /** The step's value; its violations and warnings are kept. */
  readonly take: <T>(step: Step<T>) => T;
  /** `value` with everything that was kept. */
  readonly step: <T>(value: T) => Step<T>;
}

/** An empty {@link Collector}. */
export function collector(): Collector {
  const violations: Violation[] = [];
  const warnings: string[] = [];
  return {
    take: (step) => {
      violations.push(...step.violations);
      warnings.push(...(step.warnings ?? []));
      return step.value;
    },
    step: (value) => ({ value, violations, warnings }),
  };
}
