import type { GuestContainer } from './guest-container.ts';
import { type Accelerator, type GuestSpec, IMAGE_REFERENCE } from './guest-spec.ts';
import { PREFIX } from './names.ts';
import type { Pod } from './pod.ts';
import { bad, good, type Step } from './step.ts';
import { annotationField, type Violation } from './violation.ts';

export const BOOT_ANNOTATION = `${PREFIX}boot`;
export const ACCELERATOR_ANNOTATION = `${PREFIX}accelerator`;

const IMAGE = new RegExp(IMAGE_REFERENCE);

type Boot = GuestSpec['boot'];

/** Boot source: the container's image, read as the boot annotation says (its value is checked against the schema elsewhere). */
export function parseBoot(pod: Pod, { container, path }: GuestContainer): Step<Boot> {
  const mode = pod.metadata.annotations?.[BOOT_ANNOTATION] === 'kernel' ? 'kernel' : 'disk';
  const image = container.image ?? '';
  const policy = parsePullPolicy(container.imagePullPolicy, image, `${path}.imagePullPolicy`);
  const value: Boot = { mode, image, pullPolicy: policy.value };
  return { value, violations: [...imageViolations(image, `${path}.image`), ...policy.violations] };
}

function imageViolations(image: string, field: string): readonly Violation[] {
  if (IMAGE.test(image)) return [];
  if (image === '')
    return [{ field, message: 'is missing, and it is what the guest boots from; set it to a container disk image' }];
  return [{ field, value: image, message: 'is no image reference; allowed: [registry/]name[:tag][@digest]' }];
}

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;

function parsePullPolicy(text: string | undefined, image: string, field: string): Step<Boot['pullPolicy']> {
  if (text === undefined || text === '') return good(defaultPullPolicy(image));
  const policy = PULL_POLICIES.find((one) => one === text);
  if (policy !== undefined) return good(policy);
  return bad('IfNotPresent', { field, value: text, message: `allowed: ${PULL_POLICIES.join(', ')}` });
}

/** Kubernetes' own default for containers (pkg/apis/core/v1/defaults.go): Always for `:latest` or no tag, without a digest. */
function defaultPullPolicy(image: string): Boot['pullPolicy'] {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

/** KVM or emulation, by the annotation and by what the cluster's nodes offer. */
export function parseAccelerator(
  pod: Pod,
  offered: Readonly<Record<Accelerator, boolean>>,
): Step<Pick<GuestSpec, 'accelerator' | 'emulatedBy'>> {
  const wanted = pod.metadata.annotations?.[ACCELERATOR_ANNOTATION] ?? 'auto';
  if (wanted === 'kvm' || wanted === 'tcg') {
    const chosen = { accelerator: wanted } as const;
    return offered[wanted] ? good(chosen) : bad(chosen, notOffered(wanted, offered));
  }
  if (offered.kvm) return good({ accelerator: 'kvm' });
  const warning =
    'no node of this cluster offers KVM: the guest is emulated, several times slower; see docs for how to enable KVM';
  if (offered.tcg) return good({ accelerator: 'tcg', emulatedBy: 'fallback' }, [warning]);
  const message =
    "no node offers KVM or emulation; check that Podvisor's agent runs on the nodes (kubectl get pods -n podvisor-agent)";
  return bad({ accelerator: 'tcg' }, { field: annotationField(ACCELERATOR_ANNOTATION), value: wanted, message });
}

function notOffered(wanted: Accelerator, offered: Readonly<Record<Accelerator, boolean>>): Violation {
  const other = wanted === 'kvm' ? 'tcg' : 'kvm';
  const advice = offered[other] ? `use ${other} or auto` : "check that Podvisor's agent runs on the nodes";
  return {
    field: annotationField(ACCELERATOR_ANNOTATION),
    value: wanted,
    message: `no node of this cluster offers it; ${advice}`,
  };
}

const DEFAULT_GRACE_SECONDS = 30;

/** Seconds from the power button to force. */
export function parseGrace({ spec }: Pod): Step<number> {
  const seconds = spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  if (Number.isInteger(seconds) && seconds >= 0 && seconds < 2 ** 31) return good(seconds);
  const message = 'allowed: whole seconds, 0 to 2147483647';
  return bad(DEFAULT_GRACE_SECONDS, { field: 'spec.terminationGracePeriodSeconds', value: String(seconds), message });
}
