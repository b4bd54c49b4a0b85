/** Kubernetes' MicroTime: RFC 3339 with exactly six digits of a second. A plain toISOString() (three) is refused with a 400. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
