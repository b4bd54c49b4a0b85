/**
 * One thing a pod says that Podvisor cannot do. `message` alone is enough for the person at kubectl: it says what is wrong, what is
 * allowed and what to do; field and value are put in front of it by {@link violationText}.
 */
export interface Violation {
  /** Where: a path as kubectl prints it, e.g. `spec.containers[0].resources.limits.memory`. */
  readonly field: string;
  /** The value found there, when there is one to show. */
  readonly value?: string;
  readonly message: string;
}

const MAX_VALUE = 80;

/** A tenant's value made safe for one line of an error message: control characters escaped by JSON, long text cut. */
export function showValue(value: string): string {
  return JSON.stringify(value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value);
}

/** Path of an annotation, as violations name it. */
export function annotationField(name: string): string {
  return `metadata.annotations[${name}]`;
}

/** `field: "value": message`, one line. */
export function violationText(violation: Violation): string {
  const { field, value, message } = violation;
  return value === undefined ? `${field}: ${message}` : `${field}: ${showValue(value)}: ${message}`;
}

/** All violations as one text: a single one on one line, several as a numbered list joined by `; `. */
export function violationsText(violations: readonly Violation[]): string {
  if (violations.length === 1) return violations.map(violationText).join('');
  return violations.map((violation, index) => `(${index + 1}) ${violationText(violation)}`).join('; ');
}
