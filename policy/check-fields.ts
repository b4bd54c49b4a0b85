import { POLICY_FIELDS, type PolicyField, guestFieldReader } from '../api/policy-fields.ts';
import type { FieldRule, PolicySpec } from '../api/policy.ts';
import { formatBytes, isWhole, parseQuantity, type Quantity, wholeUp } from '../api/quantity.ts';
import type { Violation } from '../api/violation.ts';
import { anyMatches, compileGlob } from './glob.ts';
import type { PolicyCheck } from './types.ts';

type Value = NonNullable<ReturnType<ReturnType<typeof guestFieldReader>>>;
/** Why a value is refused; '' = it is not. */
type Judge = (value: Value) => string;

const NOTHING: readonly Violation[] = [];

/** The checks of `spec.guest`, one for each field it names. */
export function fieldChecks({ guest = {} }: PolicySpec): readonly PolicyCheck[] {
  return POLICY_FIELDS.flatMap((field) => {
    const rule = guest[field.name];
    return rule === undefined ? [] : [fieldCheck(field, JUDGES[field.kind](rule))];
  });
}

function fieldCheck(field: PolicyField, judge: Judge): PolicyCheck {
  const read = guestFieldReader(field);
  return {
    needsWhole: false,
    run: ({ guest, container }) => {
      const value = read(guest);
      const message = value === undefined ? '' : judge(value);
      if (value === undefined || message === '') return NOTHING;
      const violation: Violation = { field: field.from.replace('{container}', container), value: shown(field, value), message };
      return [violation];
    },
  };
}

function shown({ kind }: PolicyField, value: Value): string {
  if (typeof value === 'number') return kind === 'bytes' ? formatBytes(value) : String(value);
  return typeof value === 'string' ? value : value.join(',');
}

const JUDGES: Readonly<Record<PolicyField['kind'], (rule: FieldRule) => Judge>> = {
  choice: judgeNames,
  text: judgeNames,
  names: judgeSigned,
  count: (rule) => judgeAmount(rule, String),
  bytes: (rule) => judgeAmount(rule, (bytes) => formatBytes(bytes)),
};

/** Allowed and forbidden names as patterns: '' = fine. Shared by everything that has such lists. */
export function judgeNames({ allowed, forbidden = [] }: Pick<FieldRule, 'allowed' | 'forbidden'>): (value: Value) => string {
  const good = allowed?.map(compileGlob);
  const bad = forbidden.map(compileGlob);
  const list = allowed?.join(', ') ?? '';
  const judge = (name: string): string => {
    if (anyMatches(bad, name)) return `is forbidden; forbidden: ${forbidden.join(', ')}`;
    return good === undefined || anyMatches(good, name) ? '' : `is not allowed; allowed: ${list}`;
  };
  return (value) => (typeof value === 'object' ? first(value.map(judge)) : judge(String(value)));
}

function first(reasons: readonly string[]): string {
  return reasons.find((reason) => reason !== '') ?? '';
}

/** `+vmx` and `-vmx` are what they say, `vmx` is either. */
function judgeSigned(rule: FieldRule): Judge {
  const judge = judgeNames({
    ...(rule.allowed === undefined ? {} : { allowed: rule.allowed.flatMap(bothSigns) }),
    ...(rule.forbidden === undefined ? {} : { forbidden: rule.forbidden.flatMap(bothSigns) }),
  });
  return (value) => {
    const wrong = (typeof value === 'object' ? value : []).find((name) => judge(name) !== '');
    if (wrong === undefined) return '';
    const { allowed, forbidden } = rule;
    const lists = [allowed && `allowed: ${allowed.join(', ')}`, forbidden && `forbidden: ${forbidden.join(', ')}`];
    return `${wrong} is not allowed; ${lists.filter(Boolean).join('; ')}`;
  };
}

function bothSigns(name: string): readonly string[] {
  return /^[+-]/.test(name) ? [name] : [`+${name}`, `-${name}`];
}

function judgeAmount({ minimum, maximum }: FieldRule, format: (amount: number) => string): Judge {
  const least = upper(amountOf(minimum));
  const most = lower(amountOf(maximum));
  const range = [minimum === undefined ? '' : `at least ${minimum}`, maximum === undefined ? '' : `at most ${maximum}`];
  const allowed = range.filter(Boolean).join(', ');
  return (value) => {
    // Amounts of a GuestSpec are whole; JavaScript compares a number with a bigint exactly.
    if (typeof value !== 'number') return '';
    const small = least !== undefined && value < least;
    const large = most !== undefined && value > most;
    return small || large ? `is ${format(value)}; allowed: ${allowed}` : '';
  };
}

const NANOS = 1_000_000_000n;

/** The least whole number not below an amount. */
function upper(amount: Quantity | undefined): bigint | undefined {
  return amount === undefined ? undefined : wholeUp(amount);
}

/** The largest whole number not above an amount. */
function lower(amount: Quantity | undefined): bigint | undefined {
  if (amount === undefined) return undefined;
  const up = wholeUp(amount);
  return isWhole(amount) ? up : up - 1n;
}

/** A number or quantity of a policy or a GuestSpec; undefined = none. */
export function amountOf(value: string | number | undefined): Quantity | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { nanos: BigInt(value) * NANOS, format: 'DecimalSI' };
  const parsed = value === undefined ? undefined : parseQuantity(String(value));
  return parsed?.ok === true ? parsed.value : undefined;
}
