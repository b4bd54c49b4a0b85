import { type Static, type TArray, type TInteger, type TSchema, type TString, type TUnsafe, Type } from '@sinclair/typebox';
import { choicesOf, type PolicyField, type PolicyFieldKind } from './policy-fields.ts';

/** The pieces VirtualMachinePolicy's schema (policy.ts) is made of, each with its rules in the API server's CEL. */

/** Limits of a policy's own size. */
export const POLICY_LIMITS = { list: 64, pattern: 256, message: 512, rules: 16, expression: 1024, exemptions: 16 } as const;

/** A rule of the CRD in the API server's CEL, and why it refuses. */
export interface SchemaRule {
  readonly rule: string;
  readonly message: string;
}

export const rule = (expression: string, message: string): SchemaRule => ({ rule: expression, message });
export const checks = (...rules: readonly SchemaRule[]): { 'x-kubernetes-validations': readonly SchemaRule[] } => ({
  'x-kubernetes-validations': rules,
});
export const closed = { additionalProperties: false } as const;
const described = (description?: string): { description?: string } => (description === undefined ? {} : { description });
export const oneOf = <const T extends string>(values: readonly T[], description?: string): TUnsafe<T> =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], ...described(description) });
export const text = (maxLength: number, description?: string): TString =>
  Type.String({ minLength: 1, maxLength, ...described(description) });
export const listOf = <T extends TSchema>(items: T, description: string, maxItems: number = POLICY_LIMITS.list): TArray<T> =>
  Type.Array(items, { minItems: 1, maxItems, description });
export const patterns = (description: string): TArray<TString> => listOf(text(POLICY_LIMITS.pattern), description);

const QUANTITY = '^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?$';
export const quantity = (description: string): TString => Type.String({ maxLength: 32, pattern: QUANTITY, description });
export const whole = (description: string): TInteger => Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, description });

export const DEFAULT_DOC = 'Written into pods that say nothing.';
const ORDER = 'minimum is more than maximum';

const Requirement = Type.Object(
  {
    key: text(317),
    operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: Type.Optional(Type.Array(Type.String({ maxLength: 63 }), { maxItems: 64 })),
  },
  {
    ...closed,
    ...checks(
      rule(
        "self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0 : !has(self.values) || self.values.size() == 0",
        'values go with In and NotIn, and must be left out with Exists and DoesNotExist',
      ),
    ),
  },
);

const Selector = Type.Object(
  {
    matchLabels: Type.Optional(
      Type.Unsafe<Record<string, string>>({
        type: 'object',
        maxProperties: 16,
        additionalProperties: { type: 'string', maxLength: 63 },
      }),
    ),
    matchExpressions: Type.Optional(Type.Array(Requirement, { maxItems: 16 })),
  },
  closed,
);
/** Requirements on labels, as everywhere in Kubernetes. Empty selects everything. */
export type LabelSelector = Static<typeof Selector>;

/** Schema of a selector. */
export const labelSelector = (description: string): typeof Selector => ({ ...Selector, description });

function choiceRule({ path, writes, doc }: PolicyField): TSchema {
  const values = choicesOf(path);
  const value = () => oneOf(values);
  const properties = {
    allowed: Type.Optional(listOf(value(), 'Values a guest may have.')),
    forbidden: Type.Optional(listOf(value(), 'Values a guest may not have.')),
    ...(writes === undefined ? {} : { default: Type.Optional(oneOf(values, DEFAULT_DOC)) }),
  };
  const fits = [
    rule('!has(self.default) || !has(self.allowed) || self.default in self.allowed', 'default is not among allowed'),
    rule('!has(self.default) || !has(self.forbidden) || !(self.default in self.forbidden)', 'default is forbidden'),
  ];
  return Type.Object(properties, { ...closed, description: doc, ...(writes === undefined ? {} : checks(...fits)) });
}

function patternRule({ writes, doc }: PolicyField): TSchema {
  const properties = {
    allowed: Type.Optional(patterns('What a guest may have; `*` stands for any letters.')),
    forbidden: Type.Optional(patterns('What a guest may not have; `*` stands for any letters.')),
    ...(writes === undefined ? {} : { default: Type.Optional(text(POLICY_LIMITS.pattern, DEFAULT_DOC)) }),
  };
  return Type.Object(properties, { ...closed, description: doc });
}

function countRule({ writes, doc }: PolicyField): TSchema {
  const properties = {
    minimum: Type.Optional(whole('At least this many.')),
    maximum: Type.Optional(whole('At most this many.')),
    ...(writes === undefined ? {} : { default: Type.Optional(whole(DEFAULT_DOC)) }),
  };
  const order = [rule('!has(self.minimum) || !has(self.maximum) || self.minimum <= self.maximum', ORDER)];
  const fits = [
    rule('!has(self.default) || !has(self.minimum) || self.default >= self.minimum', 'default is less than minimum'),
    rule('!has(self.default) || !has(self.maximum) || self.default <= self.maximum', 'default is more than maximum'),
  ];
  return Type.Object(properties, { ...closed, description: doc, ...checks(...order, ...(writes === undefined ? [] : fits)) });
}

function bytesRule({ doc }: PolicyField): TSchema {
  const properties = {
    minimum: Type.Optional(quantity('At least this much, e.g. `256Mi`.')),
    maximum: Type.Optional(quantity('At most this much.')),
    default: Type.Optional(quantity(DEFAULT_DOC)),
  };
  const compare = (a: string, b: string, message: string) =>
    rule(`!has(self.${a}) || !has(self.${b}) || quantity(self.${a}).compareTo(quantity(self.${b})) <= 0`, message);
  return Type.Object(properties, {
    ...closed,
    description: doc,
    ...checks(
      compare('minimum', 'maximum', ORDER),
      compare('minimum', 'default', 'default is less than minimum'),
      compare('default', 'maximum', 'default is more than maximum'),
    ),
  });
}

const RULES: Readonly<Record<PolicyFieldKind, (field: PolicyField) => TSchema>> = {
  choice: choiceRule,
  text: patternRule,
  names: patternRule,
  count: countRule,
  bytes: bytesRule,
};

/** Schema of what a policy may say of a field. */
export function fieldRule(field: PolicyField): TSchema {
  return RULES[field.kind](field);
}
