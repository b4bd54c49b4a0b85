import type { Violation } from '../api/violation.ts';
import { type CelContext, celContext } from './cel.ts';
import type { CheckInput, CompiledPolicy, PolicySubject, PolicyVerdict, PolicyViolation } from './types.ts';

/** Everything the policies say about a pod: all objections of all of them, by what each policy's mode does about them. */
export function policyViolations(subject: PolicySubject, selected: readonly CompiledPolicy[]): PolicyVerdict {
  const input = checkInput(subject);
  const of = (mode: CompiledPolicy['mode']): readonly PolicyViolation[] =>
    selected.filter((policy) => policy.mode === mode).flatMap((policy) => violationsOf(policy, input));
  return { refusals: of('enforce'), warnings: of('warn'), audits: of('audit') };
}

function checkInput(subject: PolicySubject): CheckInput {
  let made: CelContext | undefined;
  const { pod, guest, namespace } = subject;
  const cel = (): CelContext =>
    (made ??= celContext({ pod, guest, namespaceObject: { metadata: { name: namespace.name, labels: namespace.labels } } }));
  return { ...subject, ...guestContainerOf(subject), cel };
}

/** By the GuestSpec: after admission a sidecar may stand before the guest. */
function guestContainerOf({ pod, guest }: PolicySubject): Pick<CheckInput, 'container' | 'guestContainer'> {
  const named = pod.spec.containers.findIndex(({ name }) => name === guest.container);
  const index = named < 0 ? 0 : named;
  return { container: `spec.containers[${index}]`, guestContainer: pod.spec.containers[index] };
}

function violationsOf(policy: CompiledPolicy, input: CheckInput): readonly PolicyViolation[] {
  return policy.checks
    .filter(({ needsWhole }) => !needsWhole || input.draft !== true)
    .flatMap(({ run }) => run(input))
    .map((violation) => signed(policy, violation));
}

/** Which policy, and its own words: whom to ask. */
function signed({ name, spec }: CompiledPolicy, violation: Violation): PolicyViolation {
  const words = spec.message === undefined ? '' : `: ${spec.message}`;
  return { ...violation, message: `${violation.message} (policy '${name}'${words})`, policy: name };
}
