/**
 * Patterns of names: `*` stands for any characters but '/', `**` for any characters, everything else for itself. Matched by following all
 * ways at once, so the time is at most pattern times text, whatever either of them is (no regular expression that could run away).
 */
export interface Glob {
  readonly text: string;
  readonly matches: (name: string) => boolean;
}

/** A character, or any number of them. */
type Token = { readonly kind: 'one'; readonly char: string } | { readonly kind: 'some'; readonly slash: boolean };

/** Reads a pattern once. Every text is a pattern. */
export function compileGlob(text: string): Glob {
  const [prefix = '', star, suffix = '', ...more] = text.split(/(\*+)/);
  if (star === undefined) return { text, matches: (name) => name === text };
  if (more.length === 0) return { text, matches: oneStar(prefix, suffix, star.length > 1) };
  const tokens = tokensOf(text);
  return { text, matches: (name) => name.startsWith(prefix) && run(tokens, name) };
}

/** Most patterns have one star, and need no walk. */
function oneStar(prefix: string, suffix: string, slash: boolean): (name: string) => boolean {
  const least = prefix.length + suffix.length;
  return (name) =>
    name.length >= least &&
    name.startsWith(prefix) &&
    name.endsWith(suffix) &&
    (slash || !name.slice(prefix.length, name.length - suffix.length).includes('/'));
}

/** Whether any of the patterns matches. */
export function anyMatches(globs: readonly Glob[], name: string): boolean {
  for (let index = 0; index < globs.length; index += 1) if (globs[index]?.matches(name) === true) return true;
  return false;
}

function tokensOf(text: string): readonly Token[] {
  const parts = text.match(/\*+|[^*]/gsu) ?? [];
  return parts.map((part) => (part.startsWith('*') ? { kind: 'some', slash: part.length > 1 } : { kind: 'one', char: part }));
}

function run(tokens: readonly Token[], name: string): boolean {
  let states = closure(tokens, [0]);
  for (const char of name) {
    states = closure(tokens, next(tokens, states, char));
    if (states.length === 0) return false;
  }
  return states.includes(tokens.length);
}

function next(tokens: readonly Token[], states: readonly number[], char: string): readonly number[] {
  return states.flatMap((state) => {
    const token = tokens[state];
    if (token?.kind === 'some') return token.slash || char !== '/' ? [state] : [];
    return token?.char === char ? [state + 1] : [];
  });
}

/** A star also stands for nothing: where it begins, what follows it begins too. */
function closure(tokens: readonly Token[], states: readonly number[]): readonly number[] {
  const reached = new Set<number>();
  for (const start of states) {
    let state = start;
    while (!reached.has(state)) {
      reached.add(state);
      if (tokens[state]?.kind === 'some') state += 1;
    }
  }
  return [...reached];
}
