import { Environment } from '@marcbachmann/cel-js';
import { compareQuantities, isWhole, parseQuantity, type Quantity, wholeUp } from '../api/quantity.ts';
import { compileGlob } from './glob.ts';

/** Most nodes and depth of an expression's tree. */
const LIMITS = { maxAstNodes: 400, maxDepth: 40, maxListElements: 128, maxMapEntries: 64, maxCallArguments: 8 } as const;

/** What the library needs to know a value as a quantity: it tells types apart by their constructor. */
class CelQuantity {
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }
}

function quantityOf(text: string): CelQuantity {
  const parsed = parseQuantity(text);
  if (!parsed.ok) throw new Error(`quantity(${JSON.stringify(text.slice(0, 40))}) ${parsed.reason}`);
  return new CelQuantity(parsed.value);
}

function asInteger({ quantity }: CelQuantity): bigint {
  if (!isWhole(quantity)) throw new Error('asInteger() of a quantity with a fraction');
  return wholeUp(quantity);
}

const compare = (a: CelQuantity, b: CelQuantity): number => compareQuantities(a.quantity, b.quantity);

/**
 * What an expression may use: CEL with optionals; these variables, all of them maps; Kubernetes' quantity functions; and `text.glob(pattern)` in place of `matches`, whose regular expressions are
 * JavaScript's here and can take exponential time.
 */
export function createEnvironment(variables: readonly string[]): Environment {
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false, limits: LIMITS })
    .registerFunction('string.glob(string): bool', (text: string, pattern: string) => compileGlob(pattern).matches(text))
    .registerType('Quantity', { ctor: CelQuantity, fields: {} })
    .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text).ok)
    .registerFunction('quantity(string): Quantity', quantityOf)
    .registerFunction('Quantity.compareTo(Quantity): int', (a: CelQuantity, b: CelQuantity) => BigInt(compare(a, b)))
    .registerFunction('Quantity.isLessThan(Quantity): bool', (a: CelQuantity, b: CelQuantity) => compare(a, b) < 0)
    .registerFunction('Quantity.isGreaterThan(Quantity): bool', (a: CelQuantity, b: CelQuantity) => compare(a, b) > 0)
    .registerFunction('Quantity.asInteger(): int', asInteger);
  return variables.reduce((current, name) => current.registerVariable(name, 'map'), environment);
}
