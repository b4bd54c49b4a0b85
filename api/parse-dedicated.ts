import type { GuestContainer } from './guest-container.ts';
import type { GuestSpec } from './guest-spec.ts';
import { PREFIX } from './names.ts';
import type { Container, Pod } from './pod.ts';
import { isWhole, parseQuantity, type Quantity } from './quantity.ts';
import { bad, good, type Step } from './step.ts';
import { annotationField, type Violation } from './violation.ts';

export const DEDICATED_ANNOTATION = `${PREFIX}dedicated-cpus`;
export const EMULATOR_ANNOTATION = `${PREFIX}emulator-threads`;

type Dedicated = Pick<GuestSpec, 'dedicatedCpus'>;

/**
 * CPUs of the node for this guest alone. The kubelet's static CPU policy gives them to a container with whole CPUs in a pod of QoS class
 * Guaranteed (Kubernetes, "Control CPU Management Policies on the Node"), so the pod must be one.
 */
export function parseDedicated(pod: Pod, guest: GuestContainer): Step<Dedicated> {
  const { annotations = {} } = pod.metadata;
  const isolate = annotations[EMULATOR_ANNOTATION] === 'isolate';
  if (annotations[DEDICATED_ANNOTATION] !== 'true') return isolate ? bad({}, needsDedicated()) : good({});
  const value: Dedicated = { dedicatedCpus: { emulatorThreads: isolate ? 'isolate' : 'share' } };
  return { value, violations: [...wholeCpus(guest), ...guaranteed(pod, guest)] };
}

function needsDedicated(): Violation {
  const message = `sets a CPU apart from the guest's dedicated ones; set ${DEDICATED_ANNOTATION}: "true" as well, or remove it`;
  return { field: annotationField(EMULATOR_ANNOTATION), value: 'isolate', message };
}

function wholeCpus({ container, path }: GuestContainer): readonly Violation[] {
  const limit = container.resources?.limits?.['cpu'];
  const field = `${path}.resources.limits.cpu`;
  if (limit === undefined) {
    return [{ field, message: `is missing, and dedicated CPUs are counted by it; set it to a whole number, e.g. "2"` }];
  }
  const amount = quantity(limit);
  if (amount === undefined || (isWhole(amount) && amount.nanos > 0n)) return [];
  return [{ field, value: String(limit), message: 'dedicated CPUs are whole ones; write a whole number, e.g. "2"' }];
}

/** Every container of a Guaranteed pod has limits for CPU and memory, and requests nothing else. */
function guaranteed({ spec }: Pod, guest: GuestContainer): readonly Violation[] {
  const others = [
    ...spec.containers.map((container, index) => ({ container, path: `spec.containers[${index}]` })),
    ...(spec.initContainers ?? []).map((container, index) => ({ container, path: `spec.initContainers[${index}]` })),
  ].filter(({ path }) => path !== guest.path);
  return [
    ...(guaranteedMemory(guest.container)
      ? []
      : limitsMissing(guest.container, guest.path).filter(({ field }) => field.endsWith('memory'))),
    ...requestsDiffer(guest.container, guest.path),
    ...others.flatMap(({ container, path }) => [...limitsMissing(container, path), ...requestsDiffer(container, path)]),
  ];
}

/** Huge pages stand for memory, whose request and limit admission sets. */
function guaranteedMemory({ resources = {} }: Container): boolean {
  const names = Object.keys(resources.limits ?? {});
  return names.some((name) => name === 'memory' || name.startsWith('hugepages-'));
}

const NAMES = ['cpu', 'memory'] as const;
const WHY = `the kubelet gives CPUs away only in pods of QoS class Guaranteed (${DEDICATED_ANNOTATION})`;

function limitsMissing({ resources = {} }: Container, path: string): readonly Violation[] {
  return NAMES.filter((name) => resources.limits?.[name] === undefined).map((name) => ({
    field: `${path}.resources.limits.${name}`,
    message: `is missing: ${WHY}; set it`,
  }));
}

function requestsDiffer({ resources = {} }: Container, path: string): readonly Violation[] {
  return NAMES.flatMap((name) => {
    const [limit, request] = [resources.limits?.[name], resources.requests?.[name]];
    if (request === undefined || limit === undefined || sameQuantity(limit, request)) return [];
    const message = `is not the limit (${limit}): ${WHY}; set both to the same, or leave the request out`;
    return [{ field: `${path}.resources.requests.${name}`, value: String(request), message }];
  });
}

/** What is no quantity is refused elsewhere. */
function sameQuantity(one: string | number, other: string | number): boolean {
  const [a, b] = [quantity(one), quantity(other)];
  return a === undefined || b === undefined || a.nanos === b.nanos;
}

function quantity(text: string | number): Quantity | undefined {
  const parsed = parseQuantity(String(text));
  return parsed.ok ? parsed.value : undefined;
}
