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
export function violationText({ field, value, message }: Violation): string {
  return value === undefined ? `${field}: ${message}` : `${field}: ${showValue(value)}: ${message}`;
}

/** More than these help nobody, and a hostile pod could have thousands. */
const MAX_SHOWN = 20;

/** All violations as one text: a single one on one line, several numbered and joined by `; `. */
export function violationsText(violations: readonly Violation[]): string {
  if (violations.length === 1) return violations.map(violationText).join('');
  const shown = violations.slice(0, MAX_SHOWN).map((violation, index) => `(${index + 1}) ${violationText(violation)}`);
  const rest = violations.length - shown.length;
  return [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ');
}
