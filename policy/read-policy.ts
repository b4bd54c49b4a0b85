import { Ajv, type ErrorObject } from 'ajv';
import { annotationSchema, PLACEMENT_PREFIX } from '../api/annotations.ts';
import { didYouMean } from '../api/nearest.ts';
import { isWish } from '../api/placement.ts';
import { POLICY_FIELDS } from '../api/policy-fields.ts';
import { type Policy, POLICY_GROUP, POLICY_KIND, POLICY_VERSION, PolicySpec } from '../api/policy.ts';
import type { Violation } from '../api/violation.ts';
import { compileCel } from './cel.ts';
import { annotationPolicies } from './check-annotations.ts';
import { judgeNames } from './check-fields.ts';
import { schemaRuleViolations } from './schema-rules.ts';

/** A policy, or everything that is wrong with it. */
export type ReadPolicy =
  { readonly ok: true; readonly policy: Policy } | { readonly ok: false; readonly violations: readonly Violation[] };

const ajv = new Ajv({ strict: true, allErrors: true, verbose: true });
ajv.addVocabulary(['x-kubernetes-validations']);
const matches = ajv.compile<PolicySpec>(PolicySpec);
const API_VERSION = `${POLICY_GROUP}/${POLICY_VERSION}`;

/** Checks an object that says it is a policy: schema, the schema's CEL rules, and what needs this code. Total. */
export function readPolicy(raw: unknown): ReadPolicy {
  const { apiVersion, kind, metadata, spec = {} } = (typeof raw === 'object' && raw !== null ? raw : {}) as Partial<Policy>;
  const name: unknown = metadata?.name;
  const violations = [
    ...(kind === POLICY_KIND ? [] : [{ field: 'kind', message: `allowed: ${POLICY_KIND}` }]),
    ...(apiVersion === API_VERSION ? [] : [{ field: 'apiVersion', message: `allowed: ${API_VERSION}` }]),
    ...(typeof name === 'string' && name !== '' ? [] : [{ field: 'metadata.name', message: 'is missing' }]),
    ...specViolations(spec),
  ];
  return violations.length === 0 ? { ok: true, policy: { ...(raw as Policy), spec } } : { ok: false, violations };
}

function specViolations(spec: unknown): readonly Violation[] {
  if (!matches(spec)) return (matches.errors ?? []).map(schemaViolation);
  return [
    ...schemaRuleViolations(PolicySpec, spec, 'spec'),
    ...ruleViolations(spec),
    ...defaultViolations(spec),
    ...annotationViolations(spec),
  ];
}

function schemaViolation({ instancePath, keyword, params, message, parentSchema, data }: ErrorObject): Violation {
  const field = `spec${instancePath.replaceAll(/\/(\d+)/g, '[$1]').replaceAll('/', '.')}`;
  if (keyword === 'additionalProperties') {
    const name = String(params['additionalProperty']);
    const known = Object.keys((parentSchema?.['properties'] ?? {}) as object);
    return { field: `${field}.${name}`, message: `is unknown${didYouMean(name, known)}; allowed: ${known.join(', ')}` };
  }
  const value = typeof data === 'string' || typeof data === 'number' ? { value: String(data) } : {};
  const values = (params['allowedValues'] ?? []) as readonly unknown[];
  if (keyword === 'enum') {
    const names = values.map(String);
    return { field, ...value, message: `is unknown${didYouMean(value.value ?? '', names)}; allowed: ${names.join(', ')}` };
  }
  return { field, ...value, message: message ?? 'is wrong' };
}

function ruleViolations({ rules = [] }: PolicySpec): readonly Violation[] {
  const names = rules.map(({ name }) => name);
  return rules.flatMap(({ name, expression, messageExpression }, index) => [
    ...(names.indexOf(name) === index ? [] : [{ field: `spec.rules[${index}].name`, value: name, message: 'is there twice' }]),
    ...celViolation(`spec.rules[${index}].expression`, expression, 'bool'),
    ...(messageExpression === undefined
      ? []
      : celViolation(`spec.rules[${index}].messageExpression`, messageExpression, 'string')),
  ]);
}

function celViolation(field: string, expression: string, type: 'bool' | 'string'): readonly Violation[] {
  const compiled = compileCel(expression, type);
  return compiled.ok ? [] : [{ field, value: expression, message: compiled.reason }];
}

/** Defaults of fields with patterns, which the API server's CEL cannot follow: a default its own policy refuses helps nobody. */
function defaultViolations({ guest = {} }: PolicySpec): readonly Violation[] {
  return POLICY_FIELDS.filter(({ kind }) => kind === 'text').flatMap(({ name }) => {
    const rule = guest[name];
    if (rule?.default === undefined) return [];
    const reason = judgeNames(rule)(rule.default);
    return reason === '' ? [] : [{ field: `spec.guest.${name}.default`, value: String(rule.default), message: reason }];
  });
}

/** A policy may not promise what an annotation cannot do yet. */
function annotationViolations(spec: PolicySpec): readonly Violation[] {
  return annotationPolicies(spec).flatMap(({ field, annotation, rule }) => {
    const written = rule.forced ?? rule.default;
    const schema = annotationSchema(annotation);
    if (written === undefined) return [];
    const part = rule.forced === undefined ? 'default' : 'forced';
    const at = { field: `spec.${field}.${part}`, value: written };
    if (schema?.status !== 'supported') {
      return [{ ...at, message: `${annotation} is not supported yet, so no policy can write it; remove it` }];
    }
    if (annotation.startsWith(PLACEMENT_PREFIX) && !isWish(written)) {
      return [{ ...at, message: 'is no wish of placement; allowed: require, prefer, prefer=WEIGHT (1 to 10), ignore' }];
    }
    const reason = judgeNames(rule.allowed === undefined ? {} : { allowed: rule.allowed })(written);
    return reason === '' ? [] : [{ ...at, message: reason }];
  });
}
