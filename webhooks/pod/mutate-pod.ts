import { parseGuest } from '../../api/parse-pod.ts';
import { ACCELERATOR_ANNOTATION } from '../../api/parse-boot.ts';
import { GUEST_ANNOTATION } from '../../api/names.ts';
import type { Pod } from '../../api/pod.ts';
import { completeGuest } from '../../guest/complete.ts';
import { withGuestMacs } from '../../guest/mac.ts';
import { macSource } from '../networks/guest-macs.ts';
import { addOverhead } from './add-overhead.ts';
import { applyGuest, editGuestContainer } from './apply-guest.ts';
import { checkForeignUse } from './check-foreign-use.ts';
import type { AdmissionContext, Mutation } from './context.ts';
import { verifyGuest } from './verify-guest.ts';

/**
 * Turns a labelled pod into the pod that runs its guest. A pod that carries a GuestSpec already (our own output on reinvocation, or a
 * forgery) is verified instead and never changed. Pure.
 */
export function mutatePod(pod: Pod, context: AdmissionContext): Mutation {
  if (pod.metadata.annotations?.[GUEST_ANNOTATION] !== undefined) return verified(pod, context);
  const offer = accelerators(pod, context);
  const parsed = parseGuest(pod, { ...context, accelerators: offer.accelerators });
  const foreign = checkForeignUse(pod);
  if (!parsed.ok) return { ...parsed, violations: [...parsed.violations, ...foreign] };
  if (foreign.length > 0) return { ok: false, violations: foreign, draft: parsed.guest };
  const guest = completeGuest({ ...parsed.guest, networks: withGuestMacs(parsed.guest.networks, macSource(pod, context)) });
  const sized = editGuestContainer(pod, guest, (container) => addOverhead(container, guest));
  return {
    ok: true,
    patched: applyGuest(sized, guest, context.launcherImage),
    guest,
    warnings: [...offer.warnings, ...parsed.warnings],
  };
}

function verified(pod: Pod, context: AdmissionContext): Mutation {
  const violations = [...checkForeignUse(pod), ...verifyGuest(pod, context)];
  return violations.length === 0 ? { ok: true, patched: pod, warnings: [] } : { ok: false, violations };
}

/**
 * What the parser may choose from. A pod whose accelerator no node offers now is admitted and waits as Pending, as any pod does for a
 * resource that is not there yet (agents may be starting); the user is told.
 */
function accelerators(
  pod: Pod,
  { accelerators: offered }: AdmissionContext,
): Pick<AdmissionContext, 'accelerators'> & { warnings: string[] } {
  const wanted = pod.metadata.annotations?.[ACCELERATOR_ANNOTATION];
  if (wanted === 'kvm' && !offered.kvm) return { accelerators: { kvm: true, tcg: offered.tcg }, warnings: [waiting('kvm')] };
  if (offered.tcg || (offered.kvm && wanted !== 'tcg')) return { accelerators: offered, warnings: [] };
  return { accelerators: { kvm: offered.kvm, tcg: true }, warnings: [waiting('tcg')] };
}

function waiting(accelerator: string): string {
  return `no node offers podvisor.dev/${accelerator} now, so the pod waits as Pending; see kubectl get pods -n podvisor-agent`;
}
