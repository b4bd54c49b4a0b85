import { costOf } from './cel-cost.ts';
import { createEnvironment } from './cel-environment.ts';
import { type Look, looksAt, visible } from './cel-look.ts';
import { type CelNode, copyOf, nameOf, nodesOf } from './cel-tree.ts';
import { type CelValue, type Extent, toCel } from './cel-values.ts';

/** What rules can look at, made once for all rules of a request; remembers what one of them has looked at for the others. */
export interface CelContext {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly whole: (path: string, json: unknown) => CelValue;
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
  const known = new Map<string, CelValue>();
  const whole = (path: string, json: unknown): CelValue => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const value = toCel(json);
    known.set(path, value);
    return value;
  };
  return { variables, whole };
}

/** Reads, checks and bounds an expression that must give `type`. Total. */
export function compileCel(expression: string, type: 'bool' | 'string', environment = RULES): CompiledCel {
  try {
    const parsed = environment.parse(expression);
    const tree = copyOf(parsed.ast);
    const reason = refusedFunction(tree);
    const cost = memoizedCost(tree);
    const look = looksAt(tree);
    const steps = cost(ORDINARY);
    if (reason !== '') return { ok: false, reason };
    if (steps > CEL_BUDGET) return { ok: false, reason: tooExpensive(steps, 'an ordinary pod') };
    const checked = environment.check(expression);
    if (!checked.valid) return { ok: false, reason: messageOf(checked.error) };
    const made = String(checked.type);
    if (made !== type && made !== 'dyn') return { ok: false, reason: `gives ${made}; allowed: ${type}` };
    return {
      ok: true,
      program: {
        run: (context) => run(parsed, cost, look, context),
        reads: (name) => look.parts.some(({ key }) => key === name),
      },
    };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

type Run = (variables: never) => unknown;

function run(program: Run, cost: (extent: Extent) => number, look: Look, { variables, whole }: CelContext): CelOutcome {
  const { value, extent } = visible(variables, look, whole);
  const steps = cost(extent);
  if (steps > CEL_BUDGET) return { ok: false, reason: tooExpensive(steps, 'this pod') };
  try {
    return { ok: true, value: program(value as never) };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

/** The cost by extent, each of its numbers rounded up to a power of two, so that few different ones are ever computed. */
function memoizedCost(tree: CelNode): (extent: Extent) => number {
  const known = new Map<number, number>();
  return (extent) => {
    const items = bits(extent.items);
    const text = bits(extent.text);
    const size = bits(extent.size);
    const key = (items * 64 + text) * 64 + size;
    const before = known.get(key);
    if (before !== undefined) return before;
    const cost = costOf(tree, { items: 2 ** items, text: 2 ** text, size: 2 ** size });
    known.set(key, cost);
    return cost;
  };
}

/** How many binary digits a count has. */
function bits(count: number): number {
  return 32 - Math.clz32(count);
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
