import fc from 'fast-check';
import {
  addQuantities,
  compareQuantities,
  formatBytes,
  formatQuantity,
  isWhole,
  parseQuantity,
  type Quantity,
  wholeUp,
} from '../../../api/quantity.ts';

function parsed(text: string): Quantity {
  const result = parseQuantity(text);
  if (!result.ok) throw new Error(`${text} ${result.reason}`);
  return result.value;
}

describe('parseQuantity reads what Kubernetes reads, and prints it as Kubernetes does', () => {
  // Second column: what kubectl get -o yaml shows after a round trip through the API server (apimachinery's canonical form).
  const cases: [text: string, canonical: string, nanos: bigint][] = [
    ['0', '0', 0n],
    ['0Ki', '0', 0n],
    ['-0', '0', 0n],
    ['0.0', '0', 0n],
    ['1', '1', 10n ** 9n],
    ['+1', '1', 10n ** 9n],
    ['-1', '-1', -(10n ** 9n)],
    ['007', '7', 7n * 10n ** 9n],
    ['1n', '1n', 1n],
    ['1u', '1u', 1000n],
    ['1000n', '1u', 1000n],
    ['100m', '100m', 10n ** 8n],
    ['1000m', '1', 10n ** 9n],
    ['.5', '500m', 5n * 10n ** 8n],
    ['5.', '5', 5n * 10n ** 9n],
    ['1.5', '1500m', 15n * 10n ** 8n],
    ['1.2345', '1234500u', 1234500000n],
    ['1k', '1k', 10n ** 12n],
    ['1000k', '1M', 10n ** 15n],
    ['1G', '1G', 10n ** 18n],
    ['1T', '1T', 10n ** 21n],
    ['1P', '1P', 10n ** 24n],
    ['1E', '1E', 10n ** 27n],
    ['1000E', '1e21', 10n ** 30n],
    ['1e3', '1e3', 10n ** 12n],
    ['1E3', '1e3', 10n ** 12n],
    ['1e+3', '1e3', 10n ** 12n],
    ['1e-3', '1e-3', 10n ** 6n],
    ['100e1', '1e3', 10n ** 12n],
    ['12e6', '12e6', 12n * 10n ** 15n],
    ['1e0', '1', 10n ** 9n],
    ['1Ki', '1Ki', 1024n * 10n ** 9n],
    ['1024Ki', '1Mi', 1024n ** 2n * 10n ** 9n],
    ['1.5Gi', '1536Mi', 1536n * 1024n ** 2n * 10n ** 9n],
    ['0.5Ki', '512', 512n * 10n ** 9n],
    ['1Ti', '1Ti', 1024n ** 4n * 10n ** 9n],
    ['1Pi', '1Pi', 1024n ** 5n * 10n ** 9n],
    ['1Ei', '1Ei', 1024n ** 6n * 10n ** 9n],
    ['128974848', '128974848', 128974848n * 10n ** 9n],
    ['123Mi', '123Mi', 123n * 1024n ** 2n * 10n ** 9n],
    ['0.0001Ki', '102400u', 102400000n],
    ['1.1Ki', '1126400m', 11264n * 10n ** 8n],
    // finer than nano: away from zero
    ['0.1n', '1n', 1n],
    ['0.9n', '1n', 1n],
    ['-0.1n', '-1n', -1n],
    ['1e-20', '1e-9', 1n],
    ['1.0000000001', '1000000001n', 1000000001n],
    // binary values end at 2^63-1, decimal values do not end
    ['8Ei', '9223372036854775807', (2n ** 63n - 1n) * 10n ** 9n],
    ['-8Ei', '-9223372036854775807', -(2n ** 63n - 1n) * 10n ** 9n],
    ['18446744073709551616', '18446744073709551616', 2n ** 64n * 10n ** 9n],
  ];
  it.each(cases)('%s is %s', (text, canonical, nanos) => {
    expect(parsed(text).nanos).toBe(nanos);
    expect(formatQuantity(parsed(text))).toBe(canonical);
  });

  const refused = [
    '', ' ', '+', '-', '.', '1 ', ' 1', '1Gb', '1K', '1ki', '1i', '1KI', '1e', '1e+', '1ee3', '1e3Ki', '1Kim', '1.2.3', '--1', '+-1',
    '1,5', '0x10', 'Infinity', 'NaN', 'Mi', '1\n', '1MiB', '1e1.5', '١', '1e999999999', '1e-999999999', '9'.repeat(300),
  ]; // prettier-ignore
  it.each(refused)('refuses %j with a reason that shows the form', (text) => {
    const result = parseQuantity(text);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.reason).toContain("'1.5Gi'");
  });
});

/** An exact fraction, computed by another route than the parser's: no scaling to nanos, no rounding. */
interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const SUFFIX: Record<string, Rational> = Object.fromEntries([
  ...['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'].map((suffix, index): [string, Rational] => [
    suffix,
    index < 3
      ? { numerator: 1n, denominator: 1000n ** BigInt(3 - index) }
      : { numerator: 1000n ** BigInt(index - 3), denominator: 1n },
  ]),
  ...['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((suffix, index): [string, Rational] => [
    suffix,
    { numerator: 2n ** BigInt(10 * (index + 1)), denominator: 1n },
  ]),
]);

/** Magnitude in nanos, rounded up, as the definition says it. */
function oracle(number: string, suffix: string): bigint {
  const [whole = '', fraction = ''] = number.split('.');
  const unit = SUFFIX[suffix]!;
  let numerator = 0n;
  for (const digit of `${whole}${fraction}`) numerator = numerator * 10n + BigInt(digit);
  numerator *= unit.numerator * 1_000_000_000n;
  let denominator = unit.denominator;
  denominator *= 10n ** BigInt(fraction.length);
  const remainder = numerator % denominator;
  return (numerator - remainder) / denominator + (remainder === 0n ? 0n : 1n);
}

const digits = (minLength: number) =>
  fc.string({ unit: fc.constantFrom('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'), minLength, maxLength: 25 });
const number = fc.oneof(
  digits(1),
  fc.tuple(digits(1), digits(0)).map(([whole, fraction]) => `${whole}.${fraction}`),
  digits(1).map((fraction) => `.${fraction}`),
);
const exponent = fc.integer({ min: -40, max: 40 }).map((power) => `e${power}`);
const quantityText = fc
  .tuple(fc.constantFrom('', '+', '-'), number, fc.oneof(fc.constantFrom(...Object.keys(SUFFIX)), exponent))
  .map((parts) => parts.join(''));

describe('properties of quantities', () => {
  it('agrees with an exact rational computation', () => {
    fc.assert(
      fc.property(fc.constantFrom('', '+', '-'), number, fc.constantFrom(...Object.keys(SUFFIX)), (sign, value, suffix) => {
        const exact = oracle(value, suffix);
        const capped = suffix.endsWith('i') && exact > (2n ** 63n - 1n) * 10n ** 9n ? (2n ** 63n - 1n) * 10n ** 9n : exact;
        expect(parsed(sign + value + suffix).nanos).toBe(sign === '-' ? -capped : capped);
      }),
      { numRuns: 2000 },
    );
  });

  it('reads an exponent as that many places of the point', () => {
    fc.assert(
      fc.property(digits(1), fc.integer({ min: 0, max: 30 }), (value, power) => {
        expect(parsed(`${value}e${power}`).nanos).toBe(parsed(value + '0'.repeat(power)).nanos);
        expect(parsed(`${value}e-${power}`).nanos).toBe(parsed(shifted(value, power)).nanos);
      }),
    );
  });

  it('prints a text that reads back as the same amount and prints the same again', () => {
    fc.assert(
      fc.property(quantityText, (text) => {
        const quantity = parsed(text);
        const printed = formatQuantity(quantity);
        expect(parsed(printed).nanos).toBe(quantity.nanos);
        expect(formatQuantity(parsed(printed))).toBe(printed);
        expect(printed).not.toMatch(/[.+]/);
      }),
      { numRuns: 2000 },
    );
  });

  it('answers any text at all without throwing', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof parseQuantity(text).ok === 'boolean'));
  });

  it('rounds up to whole units and no further', () => {
    fc.assert(
      fc.property(quantityText, (text) => {
        const quantity = parsed(text);
        const whole = wholeUp(quantity) * 10n ** 9n;
        expect(whole >= quantity.nanos && whole - quantity.nanos < 10n ** 9n).toBe(true);
        expect(isWhole(quantity)).toBe(whole === quantity.nanos);
      }),
    );
  });

  it('orders and adds as the amounts do, whatever the notation', () => {
    fc.assert(
      fc.property(quantityText, quantityText, (a, b) => {
        const [left, right] = [parsed(a), parsed(b)];
        expect(Math.sign(compareQuantities(left, right))).toBe(left.nanos < right.nanos ? -1 : left.nanos > right.nanos ? 1 : 0);
        expect(addQuantities(left, right).nanos).toBe(left.nanos + right.nanos);
      }),
    );
  });
});

/** `value` with its point moved left. */
function shifted(value: string, places: number): string {
  const padded = value.padStart(places + 1, '0');
  return places === 0 ? value : `${padded.slice(0, -places)}.${padded.slice(-places)}`;
}

describe('formatBytes', () => {
  it.each<[number, string]>([
    [0, '0'],
    [512, '512'],
    [1024, '1Ki'],
    [1000, '1k'],
    [1536 * 1024 * 1024, '1536Mi'],
    [2 * 1024 ** 3, '2Gi'],
    [1024 * 1024 + 1, '1048577'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('addQuantities keeps the notation of the first, unless that is zero', () => {
  it.each([
    ['1Gi', '512Mi', '1536Mi'],
    ['1Gi', '1000', '1073742824'],
    ['0', '1Mi', '1Mi'],
    ['1500m', '1', '2500m'],
  ])('%s + %s = %s', (a, b, sum) => expect(formatQuantity(addQuantities(parsed(a), parsed(b)))).toBe(sum));
});
