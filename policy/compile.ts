import type { LabelSelector } from '../api/policy-parts.ts';
import { POLICY_FIELDS } from '../api/policy-fields.ts';
import { POLICY_MODES, type PolicySpec } from '../api/policy.ts';
import { violationsText } from '../api/violation.ts';
import { annotationChecks, annotationPolicies } from './check-annotations.ts';
import { fieldChecks } from './check-fields.ts';
import { limitChecks } from './check-limits.ts';
import { listChecks } from './check-lists.ts';
import { ruleChecks } from './check-rules.ts';
import { readPolicy } from './read-policy.ts';
import type { CompiledPolicy, PolicyCheck, PolicyDefault } from './types.ts';

/**
 * Makes a policy ready to be applied; done once for each version of it. Total: what cannot be read (written for another version of
 * Podvisor, or while nobody checked it) becomes a policy that objects to every pod it may be for, so that it is no hole. Its mode and
 * selectors still hold where they can be read.
 */
export function compilePolicy(raw: unknown): CompiledPolicy {
  const read = readPolicy(raw);
  if (!read.ok) return unreadable(raw, violationsText(read.violations));
  const { metadata, spec } = read.policy;
  const { mode = 'enforce', priority = 0 } = spec;
  const defaults = mode === 'audit' ? [] : defaultsOf(spec);
  return { name: metadata.name, mode, priority, spec, checks: checksOf(spec), defaults };
}

function checksOf(spec: PolicySpec): readonly PolicyCheck[] {
  return [fieldChecks, listChecks, annotationChecks, limitChecks, ruleChecks].flatMap((checks) => checks(spec));
}

/** Everything a policy writes where a pod says nothing. */
export function defaultsOf(spec: PolicySpec): readonly PolicyDefault[] {
  const fields = POLICY_FIELDS.flatMap(({ name, writes }) => {
    const value = spec.guest?.[name]?.default;
    return writes === undefined || value === undefined ? [] : [{ field: name, target: writes, value: String(value) }];
  });
  const annotations = annotationPolicies(spec).flatMap(({ field, annotation, rule }) => {
    const value = rule.forced ?? rule.default;
    return value === undefined ? [] : [{ field, target: { annotation }, value }];
  });
  return [...fields, ...annotations];
}

function unreadable(raw: unknown, reason: string): CompiledPolicy {
  const { metadata, spec } = (raw ?? {}) as { metadata?: { name?: unknown }; spec?: Readonly<Record<string, unknown>> };
  const name = typeof metadata?.name === 'string' ? metadata.name : '?';
  const message = `the policy cannot be read by this version of Podvisor, so it refuses every pod it may be for: ${reason}; correct or delete it`;
  const selectors = { ...selector(spec, 'namespaceSelector'), ...selector(spec, 'podSelector') };
  return {
    name,
    mode: POLICY_MODES.find((mode) => mode === spec?.['mode']) ?? 'enforce',
    priority: 0,
    spec: selectors,
    checks: [{ needsWhole: false, run: () => [{ field: `VirtualMachinePolicy ${name}`, message }] }],
    defaults: [],
  };
}

/** A selector of a policy that is wrong elsewhere, if it is a right one itself. */
function selector(spec: Readonly<Record<string, unknown>> | undefined, name: 'namespaceSelector' | 'podSelector'): PolicySpec {
  const value = spec?.[name];
  if (value === undefined) return {};
  const alone = readPolicy({
    apiVersion: 'podvisor.dev/v1alpha1',
    kind: 'VirtualMachinePolicy',
    metadata: { name: 'selector' },
    spec: { [name]: value },
  });
  return alone.ok ? { [name]: value as LabelSelector } : {};
}
