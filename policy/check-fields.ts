import { POLICY_FIELDS, type PolicyField, readGuestField } from '../api/policy-fields.ts';
import type { FieldRule, PolicySpec } from '../api/policy.ts';
import { formatBytes, parseQuantity, type Quantity } from '../api/quantity.ts';
import type { Violation } from '../api/violation.ts';
import { anyMatches, compileGlob } from './glob.ts';
import type { PolicyCheck } from './types.ts';

type Value = NonNullable<ReturnType<typeof readGuestField>>;
/** Why a value is refused; '' = it is not. */
type Judge = (value: Value) => string;

/** The checks of `spec.guest`, one for each field it names. */
export function fieldChecks({ guest = {} }: PolicySpec): readonly PolicyCheck[] {
  return POLICY_FIELDS.flatMap((field) => {
    const rule = guest[field.name];
    return rule === undefined ? [] : [fieldCheck(field, JUDGES[field.kind](rule))];
  });
}

function fieldCheck(field: PolicyField, judge: Judge): PolicyCheck {
  return {
    needsWhole: false,
    run: ({ guest, container }) => {
      const value = readGuestField(guest, field);
      const message = value === undefined ? '' : judge(value);
      if (value === undefined || message === '') return [];
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
  return (value) => {
    const names = typeof value === 'object' ? value : [String(value)];
    const refused = names.find((name) => anyMatches(bad, name));
    if (refused !== undefined) return `is forbidden; forbidden: ${forbidden.join(', ')}`;
    return good === undefined || names.every((name) => anyMatches(good, name)) ? '' : `is not allowed; allowed: ${list}`;
  };
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
  const least = amountOf(minimum);
  const most = amountOf(maximum);
  const range = [minimum === undefined ? '' : `at least ${minimum}`, maximum === undefined ? '' : `at most ${maximum}`];
  const allowed = range.filter(Boolean).join(', ');
  return (value) => {
    const nanos = amountOf(typeof value === 'object' ? undefined : value)?.nanos;
    if (nanos === undefined) return '';
    const small = least !== undefined && nanos < least.nanos;
    const large = most !== undefined && nanos > most.nanos;
    return small || large ? `is ${format(Number(value))}; allowed: ${allowed}` : '';
  };
}

const NANOS = 1_000_000_000n;

/** A number or quantity of a policy or a GuestSpec; undefined = none. */
export function amountOf(value: string | number | undefined): Quantity | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { nanos: BigInt(value) * NANOS, format: 'DecimalSI' };
  const parsed = value === undefined ? undefined : parseQuantity(String(value));
  return parsed?.ok === true ? parsed.value : undefined;
}
