import { violationsText } from '../../api/violation.ts';
import type { PolicyViolation } from '../../policy/types.ts';

/** Keys in the audit log are qualified names: at most 63 characters after the webhook's name. */
const MAX_KEY = 63;
const MAX_TEXT = 2048;

/** What policies in mode audit found, for the API server's audit log: one entry a policy. */
export function auditAnnotations(audits: readonly PolicyViolation[]): { auditAnnotations?: Readonly<Record<string, string>> } {
  if (audits.length === 0) return {};
  const names = [...new Set(audits.map(({ policy }) => policy))];
  const entries = names.map((name): [string, string] => {
    const found = audits.filter(({ policy }) => policy === name);
    return [name.slice(0, MAX_KEY).replace(/[^a-z0-9]+$/, ''), violationsText(found).slice(0, MAX_TEXT)];
  });
  return { auditAnnotations: Object.fromEntries(entries) };
}
