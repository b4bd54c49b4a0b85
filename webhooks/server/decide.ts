import { violationsText } from '../../api/violation.ts';
import type { Violation } from '../../api/violation.ts';
import { drawnLabels } from '../../guest/mac.ts';
import type { AdmissionContext, Verdict } from '../pod/context.ts';
import { podPatch } from '../pod/pod-patch.ts';
import { restoreApplied } from '../pod/restore-applied.ts';
import { validateEphemeralContainers, validateResize, validateUpdate } from '../pod/validate-pod.ts';
import { auditAnnotations } from '../policy/audit-annotations.ts';
import { mutateUnderPolicies, validateUnderPolicies } from '../policy/under-policies.ts';
import type { AdmissionRequest, Decision } from './review.ts';

/** What a decision is made from beside the request. */
export type DecisionContext = Omit<AdmissionContext, 'namespace' | 'requestUid'>;

/** Chooses what to do with a request to one of the webhooks. Pure. */
export type Decide = (request: AdmissionRequest, context: DecisionContext) => Decision;

/** CREATE of a labelled pod, and an UPDATE that may be the same file applied again. */
export function decideMutate(request: AdmissionRequest, context: DecisionContext): Decision {
  if (request.operation === 'UPDATE') {
    const { object, oldObject } = request;
    return { warnings: [], patch: oldObject === undefined ? [] : podPatch(object, restoreApplied(oldObject, object)) };
  }
  const mutation = mutateUnderPolicies(request.object, { ...context, namespace: request.namespace, requestUid: request.uid });
  // The pod goes on to the validating webhook, which warns and counts; a refusal ends here.
  if (mutation.ok) {
    const injector = mutation.injector === undefined ? {} : { injector: mutation.injector };
    const drawn = drawnLabels(mutation.guest?.networks ?? [], request.uid);
    return { warnings: mutation.warnings, patch: podPatch(request.object, mutation.patched), drawn, ...injector };
  }
  const { verdict } = mutation;
  return { ...refused('cannot run this pod as a VM', mutation.violations), ...auditAnnotations(verdict.audits), verdict };
}

/** CREATE and the updates of a labelled pod. */
export function decideValidate(request: AdmissionRequest, context: DecisionContext): Decision {
  if (request.operation === 'CREATE') {
    const inNamespace = { ...context, namespace: request.namespace, requestUid: request.uid };
    const { verdict, takes, overheadBytes, ...judged } = validateUnderPolicies(request.object, inNamespace);
    const decision = toDecision('cannot run this pod as a VM', judged);
    const admitted = takes === undefined || overheadBytes === undefined ? {} : { takes, overheadBytes };
    return { ...decision, ...auditAnnotations(verdict.audits), verdict, ...admitted };
  }
  const validate = UPDATES.get(request.subResource);
  if (validate === undefined || request.oldObject === undefined) return { warnings: [] };
  return toDecision('cannot change this VM pod like this', validate(request.oldObject, request.object));
}

const UPDATES: ReadonlyMap<string, typeof validateUpdate> = new Map([
  ['', validateUpdate],
  ['ephemeralcontainers', validateEphemeralContainers],
  ['resize', validateResize],
]);

function toDecision(what: string, { violations, warnings }: Verdict): Decision {
  return violations.length === 0 ? { warnings } : refused(what, violations);
}

function refused(what: string, violations: readonly Violation[]): Decision {
  return { message: `Podvisor ${what}: ${violationsText(violations)}`, warnings: [] };
}
