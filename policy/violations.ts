import type { Violation } from '../api/violation.ts';
import { type CelContext, celContext } from './cel.ts';
import { imageName } from './image-name.ts';
import type { CheckInput, CompiledPolicy, PolicySubject, PolicyVerdict, PolicyViolation } from './types.ts';

/** Everything the policies say about a pod: all objections of all of them, by what each policy's mode does about them. */
export function policyViolations(subject: PolicySubject, selected: readonly CompiledPolicy[]): PolicyVerdict {
  const input = checkInput(subject);
  const found = { enforce: NONE, warn: NONE, audit: NONE };
  for (const policy of selected) {
    const violations = violationsOf(policy, input);
    if (violations.length > 0) found[policy.mode] = [...found[policy.mode], ...violations];
  }
  return { refusals: found.enforce, warnings: found.warn, audits: found.audit };
}

const NONE: readonly PolicyViolation[] = [];

function checkInput(subject: PolicySubject): CheckInput {
  let made: CelContext | undefined;
  const { pod, guest, namespace } = subject;
  const cel = (): CelContext =>
    (made ??= celContext({ pod, guest, namespaceObject: { metadata: { name: namespace.name, labels: namespace.labels } } }));
  return { ...subject, ...guestContainerOf(subject), image: imageName(guest.boot.image), cel };
}

/** By the GuestSpec: after admission a sidecar may stand before the guest. */
function guestContainerOf({ pod, guest }: PolicySubject): Pick<CheckInput, 'container' | 'guestContainer'> {
  const named = pod.spec.containers.findIndex(({ name }) => name === guest.container);
  const index = named < 0 ? 0 : named;
  return { container: `spec.containers[${index}]`, guestContainer: pod.spec.containers[index] };
}

function violationsOf(policy: CompiledPolicy, input: CheckInput): readonly PolicyViolation[] {
  let found = NONE;
  policy.checks.forEach((check) => {
    if (check.needsWhole && input.draft === true) return;
    const violations = check.run(input);
    if (violations.length > 0) found = [...found, ...violations.map((violation) => signed(policy, violation))];
  });
  return found;
}

/** Which policy, and its own words: whom to ask. */
function signed({ name, spec }: CompiledPolicy, violation: Violation): PolicyViolation {
  const words = spec.message === undefined ? '' : `: ${spec.message}`;
  return { ...violation, message: `${violation.message} (policy '${name}'${words})`, policy: name };
}
