/**
 * The candidate a mistyped name was meant to be: the one with the fewest edits (insert, delete, replace, swap neighbours; letter case is
 * free), as long as that is at most a third of the name's length. undefined when nothing is near.
 */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const typed = name.slice(0, MAX_NAME).toLowerCase();
  const most = Math.max(1, Math.floor(typed.length / 3));
  const [best] = candidates
    .filter((candidate) => Math.abs(candidate.length - typed.length) <= most)
    .map((candidate) => ({ candidate, edits: editDistance(typed, candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= most ? best.candidate : undefined;
}

/** ` (did you mean 'x'?)`, or nothing when no candidate is near. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const candidate = nearest(name, candidates);
  return candidate === undefined ? '' : ` (did you mean '${candidate}'?)`;
}

/** Longest name compared: the cost grows with the product of both lengths. */
const MAX_NAME = 64;

/** Optimal string alignment distance. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      current.push(cheapest(a, b, { row, column }, { beforeLast, last, current }));
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

interface Rows {
  readonly beforeLast: readonly number[];
  readonly last: readonly number[];
  readonly current: readonly number[];
}

function cheapest(a: string, b: string, { row, column }: { row: number; column: number }, rows: Rows): number {
  const at = (cells: readonly number[], index: number) => cells[index] ?? Infinity;
  const same = a[row - 1] === b[column - 1];
  const edits = Math.min(at(rows.last, column) + 1, at(rows.current, column - 1) + 1, at(rows.last, column - 1) + (same ? 0 : 1));
  const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
  return swapped ? Math.min(edits, at(rows.beforeLast, column - 2) + 1) : edits;
}
