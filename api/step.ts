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
