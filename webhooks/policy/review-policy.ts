import { isDeepStrictEqual } from 'node:util';
import { violationsText } from '../../api/violation.ts';
import { compilePolicy } from '../../policy/compile.ts';
import { readPolicy } from '../../policy/read-policy.ts';
import { policyTies } from '../../policy/ties.ts';
import type { CompiledPolicy } from '../../policy/types.ts';
import type { Decision } from '../server/review.ts';

/**
 * CREATE and UPDATE of a VirtualMachinePolicy, after the API server has checked it by its schema: expressions that do not compile, what
 * the schema cannot say, and defaults that tie with another policy's. An update that leaves the spec alone passes, or a policy found wrong
 * by a newer version of us could not even lose its finalizers. Pure.
 */
export function decidePolicy(request: Readonly<Record<string, unknown>>, others: readonly CompiledPolicy[]): Decision {
  const { object, oldObject } = request;
  if (request['operation'] === 'UPDATE' && isDeepStrictEqual(specOf(object), specOf(oldObject))) return { warnings: [] };
  const read = readPolicy(object);
  const violations = read.ok ? policyTies(compilePolicy(object), others) : read.violations;
  if (violations.length === 0) return { warnings: [] };
  return { message: `Podvisor refuses this policy: ${violationsText(violations)}`, warnings: [] };
}

function specOf(object: unknown): unknown {
  return typeof object === 'object' && object !== null && 'spec' in object ? object.spec : undefined;
}
