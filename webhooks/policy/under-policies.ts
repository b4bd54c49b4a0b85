import { GUEST_ANNOTATION } from '../../api/names.ts';
import { readStoredGuest } from '../../api/parse-stored.ts';
import type { GuestSpec } from '../../api/guest-spec.ts';
import type { Pod } from '../../api/pod.ts';
import { type Violation, violationText } from '../../api/violation.ts';
import { type AppliedDefault, applyDefaults, noteDefaults } from '../../policy/defaults.ts';
import type { PolicyVerdict, UsedVm } from '../../policy/types.ts';
import { policyViolations } from '../../policy/violations.ts';
import type { AdmissionContext, Mutation, Verdict } from '../pod/context.ts';
import { mutatePod } from '../pod/mutate-pod.ts';
import { validatePod } from '../pod/validate-pod.ts';

/** A pod's mutation or the objections of parser and policies together, and what the policies said. */
export type PolicedMutation = Mutation & { readonly verdict: PolicyVerdict };

/** A validation in which refusals of policies are among the violations, and their warnings among the warnings. */
export interface PolicedVerdict extends Verdict {
  readonly verdict: PolicyVerdict;
  /** What an admitted pod takes of its namespace's limits. */
  readonly takes?: UsedVm;
  /** What an admitted pod was given beyond guest RAM. */
  readonly overheadBytes?: number;
}

const SILENT: PolicyVerdict = { refusals: [], warnings: [], audits: [] };

/**
 * {@link mutatePod} with the defaults of policies before it and their checks after it. What the parser and the policies object to is told
 * in one answer. A pod that carries a GuestSpec already has its defaults, whatever the policies say by now. Pure.
 */
export function mutateUnderPolicies(pod: Pod, context: AdmissionContext): PolicedMutation {
  const fresh = pod.metadata.annotations?.[GUEST_ANNOTATION] === undefined;
  const selected = fresh ? (context.policies?.selected ?? []) : [];
  const { pod: defaulted, applied } = applyDefaults(pod, selected);
  const mutation = mutatePod(defaulted, context);
  if (!mutation.ok) return refusedMutation(defaulted, mutation, applied, context);
  const verdict = judge(mutation.patched, mutation.guest ?? storedGuest(mutation.patched), context);
  if (verdict.refusals.length > 0) return { ok: false, violations: verdict.refusals, verdict };
  return { ...mutation, patched: noteDefaults(mutation.patched, applied), verdict };
}

/** {@link validatePod}, and the policies' checks of the final pod. Pure. */
export function validateUnderPolicies(pod: Pod, context: AdmissionContext): PolicedVerdict {
  const own = validatePod(pod, context);
  const guest = storedGuest(pod);
  const verdict = own.violations.length === 0 ? judge(pod, guest, context) : SILENT;
  const violations = [...own.violations, ...verdict.refusals];
  const warnings = [...own.warnings, ...verdict.warnings.map(violationText)];
  if (guest === undefined || violations.length > 0) return { violations, warnings, verdict };
  const { vcpus, memoryBytes, overheadBytes } = guest;
  return { violations, warnings, verdict, takes: { labels: pod.metadata.labels ?? {}, vcpus, memoryBytes }, overheadBytes };
}

function storedGuest(pod: Pod): GuestSpec | undefined {
  const stored = readStoredGuest(pod);
  return stored.ok ? stored.guest : undefined;
}

function judge(pod: Pod, guest: GuestSpec | undefined, { policies }: AdmissionContext, draft = false): PolicyVerdict {
  if (policies === undefined || guest === undefined) return SILENT;
  if (policies.problem !== undefined) return { ...SILENT, refusals: [{ ...policies.problem, policy: '' }] };
  const { selected, namespace, usage } = policies;
  return policyViolations({ pod, guest, draft, namespace, usage }, selected);
}

type Refused = Extract<Mutation, { ok: false }>;

/** What a policy says of a field that the parser objects to is about a stand-in, and left out. */
function refusedMutation(
  pod: Pod,
  { violations, draft }: Refused,
  applied: readonly AppliedDefault[],
  context: AdmissionContext,
): PolicedMutation {
  const wrong = new Set(violations.map(({ field }) => field));
  const verdict = judge(pod, draft, context, true);
  const refusals = verdict.refusals.filter(({ field }) => !wrong.has(field));
  const blamed = violations.map((violation) => blame(violation, applied));
  return { ok: false, violations: [...blamed, ...refusals], verdict: { ...verdict, refusals } };
}

/** A value the user never wrote: whose it is. */
function blame(violation: Violation, applied: readonly AppliedDefault[]): Violation {
  const from = applied.find(({ field }) => field === violation.field);
  if (from === undefined) return violation;
  return { ...violation, message: `${violation.message} (the default of policy '${from.policy}')` };
}
