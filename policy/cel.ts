import { costOf } from './cel-cost.ts';
import { createEnvironment } from './cel-environment.ts';
import { type CelNode, copyOf, nameOf, nodesOf } from './cel-tree.ts';
import { type CelValue, type Extent, NOTHING, toCel, together } from './cel-values.ts';

/** What a rule looks at, made once for all rules of a request. */
export interface CelContext {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly extent: Extent;
}

export type CelOutcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };

/** An expression that was found good. */
export interface CelProgram {
  /** Total: an error of the expression, or more work than a request may make, is a reason. */
  readonly run: (context: CelContext) => CelOutcome;
  /** Whether the expression looks at a variable. */
  readonly reads: (variable: string) => boolean;
}

export type CompiledCel = { readonly ok: true; readonly program: CelProgram } | { readonly ok: false; readonly reason: string };

/** Steps one expression may take in one request: some milliseconds. */
export const CEL_BUDGET = 1_000_000;
/** A large ordinary pod, for the check at creation: 32 entries in its longest list, 4 KiB in its longest text. */
const ORDINARY: Extent = { items: 32, text: 4096, size: 24_576 };
const FUNCTIONS_REFUSED: Readonly<Record<string, string>> = {
  matches:
    "regular expressions can take exponential time; use .glob(pattern), where '*' stands for anything but '/' and '**' for anything",
};

/** What rules of policies see: `namespaceObject` as in a ValidatingAdmissionPolicy, because `namespace` is a reserved word of CEL. */
const RULES = createEnvironment(['pod', 'guest', 'namespaceObject']);
/** What rules of a schema see. */
export const SCHEMA_RULES = createEnvironment(['self']);

/** Makes pod, guest and namespace visible to rules. */
export function celContext(variables: Readonly<Record<string, unknown>>): CelContext {
  const made = Object.entries(variables).map(([name, json]): readonly [string, CelValue] => [name, toCel(json)]);
  return {
    variables: Object.fromEntries(made.map(([name, { value }]) => [name, value])),
    extent: made.reduce((extent, [, one]) => together(extent, one.extent), NOTHING),
  };
}

/** Reads, checks and bounds an expression that must give `type`. Total. */
export function compileCel(expression: string, type: 'bool' | 'string', environment = RULES): CompiledCel {
  try {
    const parsed = environment.parse(expression);
    const tree = copyOf(parsed.ast);
    const reason = refusedFunction(tree);
    const cost = memoizedCost(tree);
    const read = new Set(nodesOf(tree).filter(({ op }) => op === 'id').map(({ args }) => args)); // prettier-ignore
    const steps = cost(ORDINARY);
    if (reason !== '') return { ok: false, reason };
    if (steps > CEL_BUDGET) return { ok: false, reason: tooExpensive(steps, 'an ordinary pod') };
    const checked = environment.check(expression);
    if (!checked.valid) return { ok: false, reason: messageOf(checked.error) };
    const made = String(checked.type);
    if (made !== type && made !== 'dyn') return { ok: false, reason: `gives ${made}; allowed: ${type}` };
    return { ok: true, program: { run: (context) => run(parsed, cost, context), reads: (name) => read.has(name) } };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

function run(program: (variables: never) => unknown, cost: (extent: Extent) => number, context: CelContext): CelOutcome {
  const steps = cost(context.extent);
  if (steps > CEL_BUDGET) return { ok: false, reason: tooExpensive(steps, 'this pod') };
  try {
    return { ok: true, value: program(context.variables as never) };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

/** The cost by extent, each of its numbers rounded up to a power of two, so that few different ones are ever computed. */
function memoizedCost(tree: CelNode): (extent: Extent) => number {
  const known = new Map<string, number>();
  return ({ items, text, size }) => {
    const [a, b, c] = [items, text, size].map((count) => 32 - Math.clz32(count));
    const key = `${a ?? 0}.${b ?? 0}.${c ?? 0}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const cost = costOf(tree, { items: 2 ** (a ?? 0), text: 2 ** (b ?? 0), size: 2 ** (c ?? 0) });
    known.set(key, cost);
    return cost;
  };
}

function refusedFunction(tree: CelNode): string {
  const name = nodesOf(tree).map(nameOf).find((one) => Object.hasOwn(FUNCTIONS_REFUSED, one)); // prettier-ignore
  return name === undefined ? '' : `uses ${name}: ${FUNCTIONS_REFUSED[name] ?? ''}`;
}

function tooExpensive(steps: number, what: string): string {
  const shown = Number.isFinite(steps) && steps < 1e15 ? String(Math.ceil(steps)) : 'far more';
  return `may take ${shown} steps for ${what}; allowed: ${CEL_BUDGET}; look at fewer lists inside lists, and shorter texts`;
}

/** The library's message goes on with the source and a caret, on lines of their own. */
function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n', 1)[0] ?? '').slice(0, 300);
}
