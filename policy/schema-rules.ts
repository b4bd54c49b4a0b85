import type { TSchema } from '@sinclair/typebox';
import type { SchemaRule } from '../api/policy-parts.ts';
import type { Violation } from '../api/violation.ts';
import { celContext, type CelProgram, compileCel, SCHEMA_RULES } from './cel.ts';

/**
 * The CEL rules in a schema (`x-kubernetes-validations`), evaluated here as the API server does for the CRD made from the same schema: so
 * that a policy in a file is refused for the same reasons as at `kubectl apply`. The value must match the rest of the schema already.
 */
export function schemaRuleViolations(schema: TSchema, value: unknown, field: string): readonly Violation[] {
  if (Array.isArray(value)) {
    return value.flatMap((entry, index) => schemaRuleViolations(schema['items'] as TSchema, entry, `${field}[${index}]`));
  }
  if (typeof value !== 'object' || value === null) return [];
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, TSchema>>;
  const inner = Object.entries(value).flatMap(([name, entry]) => {
    const property = properties[name];
    return property === undefined ? [] : schemaRuleViolations(property, entry, `${field}.${name}`);
  });
  return [...rulesOf(schema).flatMap((rule) => broken(rule, value, field)), ...inner];
}

function rulesOf(schema: TSchema): readonly SchemaRule[] {
  return (schema['x-kubernetes-validations'] ?? []) as readonly SchemaRule[];
}

function broken({ rule, message }: SchemaRule, value: object, field: string): readonly Violation[] {
  const outcome = programOf(rule).run(celContext({ self: value }));
  if (outcome.ok && outcome.value === true) return [];
  return [{ field, message: outcome.ok ? message : `${message} (the rule failed: ${outcome.reason})` }];
}

const programs = new Map<string, CelProgram>();

/** The rules are constants of ours: one that does not compile is a bug. */
function programOf(rule: string): CelProgram {
  const known = programs.get(rule);
  if (known !== undefined) return known;
  const compiled = compileCel(rule, 'bool', SCHEMA_RULES);
  if (!compiled.ok) throw new Error(`rule of the schema does not compile: ${rule}: ${compiled.reason}`);
  programs.set(rule, compiled.program);
  return compiled.program;
}
