/** The value below which a share `p` (0..1) of the samples lies (nearest rank). */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}

/** A figure with at most two decimals. */
export function figure(value: number): string {
  return String(Math.round(value * 100) / 100);
}
