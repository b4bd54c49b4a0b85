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

/** More than any distance. */
const FAR = 1_000_000;

/** Optimal string alignment distance. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = nextRow(a, b, last, beforeLast);
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

/** Row after `last` of the table whose cell (row, column) is the distance of a's first `row` from b's first `column` characters. */
function nextRow(a: string, b: string, last: readonly number[], beforeLast: readonly number[]): number[] {
  const row = (last[0] ?? 0) + 1;
  let left = row;
  const current = [left];
  for (let column = 1; column <= b.length; column += 1) {
    const replaced = at(last, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
    const swapped =
      row > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1] ? at(beforeLast, column - 2) + 1 : FAR;
    left = least(least(at(last, column), left) + 1, least(replaced, swapped));
    current.push(left);
  }
  return current;
}

function least(a: number, b: number): number {
  return a < b ? a : b;
}

function at(cells: readonly number[], index: number): number {
  return cells[index] ?? FAR;
}
