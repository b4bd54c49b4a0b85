import type { PolicyRule, PolicySpec } from '../api/policy.ts';
import type { Violation } from '../api/violation.ts';
import { type CelContext, type CelProgram, compileCel } from './cel.ts';
import type { PolicyCheck } from './types.ts';

/** Longest message an expression may make. */
const MAX_MESSAGE = 1024;

/** The checks of `spec.rules`. */
export function ruleChecks({ rules = [] }: PolicySpec): readonly PolicyCheck[] {
  return rules.map(ruleCheck);
}

/** An expression that cannot be compiled, or fails on a pod, is a violation: a rule nobody can evaluate must not be a hole. */
function ruleCheck(rule: PolicyRule): PolicyCheck {
  const compiled = compileCel(rule.expression, 'bool');
  const field = `rule '${rule.name}'`;
  if (!compiled.ok) return { needsWhole: false, run: () => [{ field, message: `cannot be compiled: ${compiled.reason}` }] };
  const message = messageMaker(rule);
  return {
    needsWhole: compiled.program.reads('guest'),
    run: ({ cel }) => {
      const outcome = compiled.program.run(cel());
      if (outcome.ok && outcome.value === true) return [];
      const text = outcome.ok ? message(cel()) : `${message(cel())} (the rule failed: ${outcome.reason})`;
      return [{ field, message: text } satisfies Violation];
    },
  };
}

function messageMaker({ message, messageExpression, expression }: PolicyRule): (context: CelContext) => string {
  const fallback = message ?? `is not met: ${expression}`;
  const compiled = messageExpression === undefined ? undefined : compileCel(messageExpression, 'string');
  if (compiled?.ok !== true) return () => fallback;
  return (context) => made(compiled.program, context) ?? fallback;
}

function made(program: CelProgram, context: CelContext): string | undefined {
  const outcome = program.run(context);
  return outcome.ok && typeof outcome.value === 'string' && outcome.value !== ''
    ? outcome.value.replaceAll(/\p{Cc}/gu, ' ').slice(0, MAX_MESSAGE)
    : undefined;
}
