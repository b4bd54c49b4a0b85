/**
 * Kubernetes quantities (`resource.Quantity`), exact. Grammar and rules: k8s.io/apimachinery pkg/api/resource/quantity.go. A value finer
 * than one nano is rounded away from zero, a binary-suffixed value is capped at 2^63-1; decimal values have no cap, as there.
 */

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** An exact amount in nanos (1/10^9) and the notation it is printed in. */
export interface Quantity {
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

export type ParsedQuantity = { readonly ok: true; readonly value: Quantity } | { readonly ok: false; readonly reason: string };

const NANOS = 1_000_000_000n;
const MAX_BINARY = (2n ** 63n - 1n) * NANOS;
const PATTERN = /^([+-]?)(\d+\.?\d*|\.\d+)(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d+))?$/;
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL_EXPONENTS: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
/** Longer texts and larger exponents mean nothing and would only cost time. */
const MAX_TEXT = 256;
const MAX_EXPONENT = 256;
const FORMS =
  "a number with an optional suffix n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent such as e3, e.g. '2', '500m', '1.5Gi'";

/** Reads a quantity. Total: never throws; `reason` says what a quantity looks like. */
export function parseQuantity(text: string): ParsedQuantity {
  const parts = splitText(text);
  if (parts === undefined) return { ok: false, reason: `is not a Kubernetes quantity; write ${FORMS}` };
  const { sign, digits, places, suffix, exponent } = parts;
  if (suffix.endsWith('i')) return signed(sign, binaryQuantity(digits, places, suffix));
  const power = exponent ?? DECIMAL_EXPONENTS[suffix] ?? 0;
  if (Math.abs(power) > MAX_EXPONENT) return { ok: false, reason: `has an exponent out of range; write ${FORMS}` };
  const format = exponent === undefined ? 'DecimalSI' : 'DecimalExponent';
  return signed(sign, { nanos: scaled(digits, power - places + 9), format });
}

interface Parts {
  readonly sign: string;
  /** All digits of the number, the point left out. */
  readonly digits: bigint;
  /** How many of them stood behind the point. */
  readonly places: number;
  readonly suffix: string;
  /** Set when the notation is decimal exponent. */
  readonly exponent: number | undefined;
}

function splitText(text: string): Parts | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const [, sign = '', number = '', suffix = '', exponent] = PATTERN.exec(text) ?? [];
  if (number === '') return undefined;
  const [whole = '', fraction = ''] = number.split('.');
  const power = exponent === undefined ? undefined : Number(exponent);
  return { sign, digits: BigInt(whole + fraction), places: fraction.length, suffix, exponent: power };
}

function signed(sign: string, { nanos, format }: Quantity): ParsedQuantity {
  return { ok: true, value: { nanos: sign === '-' ? -nanos : nanos, format } };
}

function binaryQuantity(digits: bigint, places: number, suffix: string): Quantity {
  const exact = scaled(digits << BigInt(10 * BINARY_SUFFIXES.indexOf(suffix)), 9 - places);
  const nanos = exact > MAX_BINARY ? MAX_BINARY : exact;
  // Below one unit the binary notation has no way to print it.
  return { nanos, format: nanos > 0n && nanos < NANOS ? 'DecimalSI' : 'BinarySI' };
}

/** magnitude × 10^power, rounded up to a whole number. */
function scaled(magnitude: bigint, power: number): bigint {
  return power >= 0 ? magnitude * 10n ** BigInt(power) : ceilDivide(magnitude, 10n ** BigInt(-power));
}

function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend > quotient * divisor ? quotient + 1n : quotient;
}

/** The canonical text Kubernetes prints: no fraction, no precision lost, the largest suffix that fits. */
export function formatQuantity(quantity: Quantity): string {
  const { nanos, format } = quantity;
  if (nanos === 0n) return '0';
  const sign = nanos < 0n ? '-' : '';
  const magnitude = nanos < 0n ? -nanos : nanos;
  const binary = format === 'BinarySI' && magnitude >= 1024n * NANOS && magnitude % NANOS === 0n;
  return sign + (binary ? formatBinary(magnitude / NANOS) : formatDecimal(magnitude, format));
}

function formatBinary(units: bigint): string {
  let mantissa = units;
  let step = 0;
  while (mantissa % 1024n === 0n && step < BINARY_SUFFIXES.length - 1) {
    mantissa /= 1024n;
    step += 1;
  }
  return `${mantissa}${BINARY_SUFFIXES[step] ?? ''}`;
}

function formatDecimal(magnitude: bigint, format: QuantityFormat): string {
  let mantissa = magnitude;
  let exponent = -9;
  while (mantissa % 1000n === 0n) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (exponent === 0) return mantissa.toString();
  const suffix = Object.entries(DECIMAL_EXPONENTS).find(([, power]) => power === exponent)?.[0];
  return format === 'DecimalExponent' || suffix === undefined ? `${mantissa}e${exponent}` : `${mantissa}${suffix}`;
}

/** Whole bytes in Kubernetes' canonical binary notation: 1610612736 -> `1536Mi`. */
export function formatBytes(bytes: number | bigint): string {
  return formatQuantity({ nanos: BigInt(bytes) * NANOS, format: 'BinarySI' });
}

/** Negative, zero or positive as `a` is less than, equal to or more than `b`; notation does not count. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  if (a.nanos === b.nanos) return 0;
  return a.nanos < b.nanos ? -1 : 1;
}

/** Sum, in the notation of `a` (of `b` when `a` is zero), as Kubernetes adds. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

/** The least whole number not below the quantity. */
export function wholeUp(quantity: Quantity): bigint {
  return quantity.nanos <= 0n ? quantity.nanos / NANOS : ceilDivide(quantity.nanos, NANOS);
}

/** Whether the quantity has no fractional part. */
export function isWhole(quantity: Quantity): boolean {
  return quantity.nanos % NANOS === 0n;
}
