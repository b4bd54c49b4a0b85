import { parseGuest } from '../../api/parse-pod.ts';
import { ACCELERATOR_ANNOTATION } from '../../api/parse-boot.ts';
import { GUEST_ANNOTATION } from '../../api/names.ts';
import { readStoredGuest } from '../../api/parse-stored.ts';
import type { Pod } from '../../api/pod.ts';
import { completeGuest } from '../../guest/complete.ts';
import { withGuestMacs } from '../../guest/mac.ts';
import { macSource } from '../networks/guest-macs.ts';
import { checkNodeSelector, withNodeSelector } from '../networks/node-selector.ts';
import { checkNetworkResources, type Corrected, withoutInjected } from '../networks/resources.ts';
import { addOverhead } from './add-overhead.ts';
import { applyGuest, editGuestContainer } from './apply-guest.ts';
import { checkForeignUse } from './check-foreign-use.ts';
import type { AdmissionContext, Mutation } from './context.ts';
import { verifyGuest } from './verify-guest.ts';

/**
 * Turns a labelled pod into the pod that runs its guest. A pod that carries a GuestSpec already (our own output on reinvocation, or a
 * forgery) is verified instead. Pure.
 */
export function mutatePod(pod: Pod, context: AdmissionContext): Mutation {
  if (pod.metadata.annotations?.[GUEST_ANNOTATION] !== undefined) return verified(pod, context);
  const offer = accelerators(pod, context);
  const parsed = parseGuest(pod, { ...context, accelerators: offer.accelerators });
  const others = [...checkForeignUse(pod), ...checkNodeSelector(pod, context)];
  if (!parsed.ok) return { ...parsed, violations: [...parsed.violations, ...others] };
  const guest = completeGuest({ ...parsed.guest, networks: withGuestMacs(parsed.guest.networks, macSource(pod, context)) });
  const corrected = withoutInjected(pod, guest);
  const violations = [...others, ...checkNetworkResources(corrected.pod, guest)];
  if (violations.length > 0) return { ok: false, violations, draft: parsed.guest };
  const sized = editGuestContainer(corrected.pod, guest, (container) => addOverhead(container, guest));
  return {
    ok: true,
    patched: withNodeSelector(applyGuest(sized, guest, context.launcherImage), context),
    guest,
    warnings: [...offer.warnings, ...parsed.warnings, ...corrected.warnings],
    ...seen(corrected),
  };
}

/** Our own output again: what another webhook has added to the guest's networks since is taken back, nothing else is changed. */
function verified(pod: Pod, context: AdmissionContext): Mutation {
  const stored = readStoredGuest(pod);
  const corrected: Corrected = stored.ok ? withoutInjected(pod, stored.guest) : { pod, warnings: [] };
  const violations = [...checkForeignUse(pod), ...verifyGuest(corrected.pod, context)];
  if (violations.length > 0) return { ok: false, violations };
  return { ok: true, patched: corrected.pod, warnings: corrected.warnings, ...seen(corrected) };
}

function seen({ injector }: Corrected): Pick<Corrected, 'injector'> {
  return injector === undefined ? {} : { injector };
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
