/** Rows of text under each other, two blanks between columns, none at a line's end. Control characters are shown as `?`: texts come from afar. */
export function columns(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map((cell) => cell.replaceAll(CONTROL, '?')));
  const widths = clean.reduce<number[]>((most, row) => {
    row.forEach((cell, at) => (most[at] = Math.max(most[at] ?? 0, cell.length)));
    return most;
  }, []);
  const line = (row: readonly string[]): string => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd(); // prettier-ignore
  return clean.map((row) => `${line(row)}\n`).join('');
}

const CONTROL = /\p{Cc}/gu;

/** Bytes as people read them, in Gi or Mi, rounded down. */
export function bytesText(bytes: number): string {
  const mib = Math.floor(bytes / 2 ** 20);
  return mib >= 10_240 ? `${Math.floor(mib / 1024)}Gi` : `${mib}Mi`;
}

/** A span of time in its largest unit, rounded down. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [unit, size] = UNITS.find(([, least]) => seconds >= least) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

const UNITS: readonly (readonly [unit: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
];
