/** Whether a parsed JSON value is a map: no list, no null. For the pure rooms; the others have runtime/record.ts, which may import none of ours. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
