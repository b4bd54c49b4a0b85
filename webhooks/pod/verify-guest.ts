import { isDeepStrictEqual } from 'node:util';
import { parseGuest } from '../../api/parse-pod.ts';
import { readStoredGuest } from '../../api/parse-stored.ts';
import type { GuestSpec } from '../../api/guest-spec.ts';
import { GUEST_ANNOTATION, LAUNCHER_COMMAND } from '../../api/names.ts';
import type { Pod } from '../../api/pod.ts';
import { parseQuantity, wholeUp } from '../../api/quantity.ts';
import { annotationField } from '../../api/violation.ts';
import type { Violation } from '../../api/violation.ts';
import { overheadBytes } from '../../guest/overhead.ts';
import { macSource, verifiedMacs } from '../networks/guest-macs.ts';
import { checkNodeSelector, missingLabels } from '../networks/node-selector.ts';
import { checkNetworkResources } from '../networks/resources.ts';
import { applyGuest } from './apply-guest.ts';
import type { AdmissionContext } from './context.ts';
import { differences } from './differences.ts';
import { sameRepository } from './image-repository.ts';
import { withoutGuest } from './without-guest.ts';

const FIELD = annotationField(GUEST_ANNOTATION);
const REMEDY = 'write the pod without it, and without the fields Podvisor sets; admission adds them';

/**
 * Whether a pod that carries a GuestSpec is exactly what admission makes of the rest of it. Nothing in the annotation is believed: it is
 * computed again from the pod's other fields, and these are compared with what it implies. Empty = genuine.
 */
export function verifyGuest(pod: Pod, context: AdmissionContext): readonly Violation[] {
  const stored = readStoredGuest(pod);
  if (!stored.ok) return [{ field: FIELD, message: `${stored.reason.replace(`${FIELD} `, '')}; ${REMEDY}` }];
  const { guest } = stored;
  const checks = [checkLaunched, checkOverhead, checkParsed, checkNetworks, checkFields];
  for (const check of checks) {
    const violations = check(pod, guest, context);
    if (violations.length > 0) return violations;
  }
  return [];
}

/** The commonest case first: somebody wrote the annotation, or copied it from a running pod, onto a pod of their own. */
function checkLaunched(pod: Pod, guest: GuestSpec): readonly Violation[] {
  const container = pod.spec.containers.find((one) => one.name === guest.container);
  if (container === undefined) {
    return [{ field: FIELD, value: guest.container, message: `names a container that the pod does not have; ${REMEDY}` }];
  }
  if (container.command?.[0] === LAUNCHER_COMMAND) return [];
  const field = `spec.containers[${pod.spec.containers.indexOf(container)}].command`;
  return [
    { field: FIELD, message: `is written by Podvisor at admission only; ${REMEDY}` },
    { field, message: `is not '${LAUNCHER_COMMAND}', so the pod has not been through admission` },
  ];
}

/** What the pod itself says, in the accelerator that was chosen when it was admitted: nodes may have come or gone since. */
function checkParsed(pod: Pod, guest: GuestSpec, context: AdmissionContext): readonly Violation[] {
  const accelerators = { kvm: guest.accelerator === 'kvm', tcg: true };
  const parsed = parseGuest(withoutGuest(pod, guest), { ...context, accelerators });
  if (!parsed.ok) return parsed.violations;
  const networks = [...verifiedMacs(parsed.guest.networks, guest.networks, macSource(pod, context))];
  const expected: GuestSpec = { ...parsed.guest, networks, overheadBytes: guest.overheadBytes };
  if (isDeepStrictEqual(expected, guest)) return [];
  const fields = differences(guest, expected, '').join(', ');
  return [{ field: FIELD, message: `does not match the pod it is on (${fields}); ${REMEDY}` }];
}

/** Replicas of two versions may meet during an upgrade, so the model's figure may differ; it is the pod's own memory in any case. */
function checkOverhead(pod: Pod, guest: GuestSpec): readonly Violation[] {
  const model = overheadBytes(guest);
  if (guest.overheadBytes >= model / 2 && guest.overheadBytes <= model * 2) return checkRequest(pod, guest);
  const message = `has an overheadBytes far from ${model}, which this guest needs; ${REMEDY}`;
  return [{ field: FIELD, value: String(guest.overheadBytes), message }];
}

/** Less than the overhead alone cannot come from admission, and would let the scheduler fill a node beyond its memory. */
function checkRequest(pod: Pod, guest: GuestSpec): readonly Violation[] {
  const index = pod.spec.containers.findIndex((container) => container.name === guest.container);
  const request = String(pod.spec.containers[index]?.resources?.requests?.['memory'] ?? '0');
  const parsed = parseQuantity(request);
  if (parsed.ok && wholeUp(parsed.value) >= BigInt(guest.overheadBytes)) return [];
  const field = `spec.containers[${index}].resources.requests.memory`;
  return [{ field, value: request, message: `is less than this guest's overhead of ${guest.overheadBytes} bytes; ${REMEDY}` }];
}

/** The clear words first; {@link checkFields} would only say that something differs. */
function checkNetworks(pod: Pod, guest: GuestSpec, context: AdmissionContext): readonly Violation[] {
  return [...checkNetworkResources(pod, guest), ...checkNodeSelector(pod, context), ...missingLabels(pod, context)];
}

function checkFields(pod: Pod, guest: GuestSpec, context: AdmissionContext): readonly Violation[] {
  const present = pod.spec.containers.find((container) => container.name === guest.container)?.image ?? '';
  // Another tag of the same repository: the launcher of the version this replica is being upgraded from or to.
  const image = sameRepository(present, context.launcherImage) ? present : context.launcherImage;
  return differences(pod, applyGuest(pod, guest, image), '').map((field) => ({
    field,
    message: `is set by Podvisor, and this is not what it would set for the guest in ${GUEST_ANNOTATION}; ${REMEDY}`,
  }));
}
