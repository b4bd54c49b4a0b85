import type { GuestSpec } from '../../api/guest-spec.ts';
import { DEVICE_RESOURCE } from '../../api/names.ts';
import type { Container, ResourceList, ResourceRequirements } from '../../api/pod.ts';
import { addQuantities, formatBytes, formatQuantity, parseQuantity } from '../../api/quantity.ts';
import { neededResources } from '../networks/resources.ts';
import { withField } from './lists.ts';

const NANOS_PER_UNIT = 1_000_000_000n;
type Amount = string | number;

/**
 * The memory request with the overhead on top. Without a request Kubernetes takes the limit for it (pkg/apis/core/v1/defaults.go,
 * SetDefaults_Pod), so does this: offline previews see pods that no API server has defaulted.
 */
export function addOverhead(container: Container, guest: GuestSpec): Container {
  const { resources = {} } = container;
  if (guest.hugepages !== undefined) return withRequest(container, formatBytes(guest.overheadBytes));
  const asked = resources.requests?.['memory'] ?? resources.limits?.['memory'];
  if (asked === undefined) return container;
  return withRequest(container, plus(asked, guest.overheadBytes));
}

function withRequest(container: Container, memory: Amount): Container {
  const { resources = {} } = container;
  return { ...container, resources: { ...resources, requests: { ...resources.requests, memory } } };
}

/** The resources as the user wrote them, as far as they can be told: less overhead and devices. */
export function removeOverhead(resources: ResourceRequirements, guest: GuestSpec): ResourceRequirements {
  const restore = (list: ResourceList | undefined): ResourceList | undefined => {
    if (list === undefined) return undefined;
    const added = [DEVICE_RESOURCE[guest.accelerator], ...neededResources(guest).keys()];
    const rest = added.reduce<ResourceList>((left, name) => withField<ResourceList, string>(left, name, undefined), list);
    const { memory, cpu } = rest;
    return {
      ...rest,
      ...(memory === undefined ? {} : { memory: userMemory(memory, guest) }),
      ...(cpu === undefined || extraCpus(guest) === 0 ? {} : { cpu: plus(cpu, -extraCpus(guest)) }),
    };
  };
  const limits = withField(resources, 'limits', restore(resources.limits));
  return withField(limits, 'requests', restore(resources.requests));
}

/** CPUs beside the vCPUs: for QEMU's other threads, when they were to be apart. */
export function extraCpus({ dedicatedCpus }: GuestSpec): number {
  return dedicatedCpus?.emulatorThreads === 'isolate' ? 1 : 0;
}

/** With huge pages the user could only say their amount once more. */
function userMemory(memory: Amount, { hugepages, memoryBytes, overheadBytes }: GuestSpec): Amount {
  return hugepages === undefined ? plus(memory, -overheadBytes) : formatBytes(memoryBytes);
}

/** Sum in the notation of `present`; an unreadable amount stays as it is, for the parser to refuse. */
function plus(present: Amount, units: number): Amount {
  const parsed = parseQuantity(String(present));
  if (!parsed.ok) return present;
  return formatQuantity(addQuantities(parsed.value, { nanos: BigInt(units) * NANOS_PER_UNIT, format: 'BinarySI' }));
}
