import type { GuestSpec } from '../../api/guest-spec.ts';
import { LAUNCHER_SECURITY_CONTEXT } from '../../api/launcher-security.ts';
import {
  BOOT_PATH,
  BOOT_VOLUME,
  DEVICE_RESOURCE,
  DISKS_PATH,
  LAUNCHER_COMMAND,
  SCRATCH_PATH,
  SCRATCH_VOLUME,
  TOKEN_MOUNT_PATH,
} from '../../api/names.ts';
import type { Container, ResourceList, VolumeMount } from '../../api/pod.ts';
import { formatBytes, parseQuantity } from '../../api/quantity.ts';
import { launcherArguments } from '../../guest/launcher-arguments.ts';
import { setNetworkResources } from '../networks/resources.ts';
import { extraCpus } from './add-overhead.ts';
import { withField, withNamed, without } from './lists.ts';
import { optionalVolumes } from './own-volumes.ts';

type Step = (container: Container, guest: GuestSpec) => Container;

/** What turns the guest container into the launcher. Every step says what the field must be, so a second run changes nothing. */
const STEPS: readonly Step[] = [
  setCommand,
  setConsole,
  setSecurity,
  setMounts,
  setDisks,
  setMemoryLimit,
  setCpus,
  setDevice,
  setNetworkResources,
];

/** The guest container as the launcher that runs `guest`. Idempotent. Memory requests are the caller's (see add-overhead.ts). */
export function launcherContainer(container: Container, guest: GuestSpec, image: string): Container {
  const start: Container = { ...container, image, imagePullPolicy: 'IfNotPresent' };
  return STEPS.reduce((current, step) => step(current, guest), start);
}

/** The slot protocol: PID 1 is told what to prepare, everything else comes from the agent. */
function setCommand(container: Container, guest: GuestSpec): Container {
  return { ...container, command: [LAUNCHER_COMMAND], args: [...launcherArguments(guest)] };
}

/** The serial console, for `kubectl logs` and `kubectl attach -it`. */
function setConsole(container: Container): Container {
  return { ...container, stdin: true, tty: true };
}

function setSecurity(container: Container): Container {
  return { ...container, securityContext: { ...container.securityContext, ...LAUNCHER_SECURITY_CONTEXT } };
}

const BOOT_MOUNT: VolumeMount = { name: BOOT_VOLUME, mountPath: BOOT_PATH, readOnly: true };
const SCRATCH_MOUNT: VolumeMount = { name: SCRATCH_VOLUME, mountPath: SCRATCH_PATH };

/** A guest is no client of the API server: the token stays out. */
function setMounts(container: Container, guest: GuestSpec): Container {
  const kept = without(container.volumeMounts, (mount) => mount.mountPath === TOKEN_MOUNT_PATH);
  const mounts = [BOOT_MOUNT, SCRATCH_MOUNT, ...optionalVolumes(guest).map(({ mount }) => mount)];
  return { ...container, volumeMounts: mounts.reduce((list, mount) => withNamed(list, mount), kept ?? []) };
}

function setDisks(container: Container): Container {
  if (container.volumeDevices === undefined) return container;
  const volumeDevices = container.volumeDevices.map((device) => ({ ...device, devicePath: `${DISKS_PATH}/${device.name}` }));
  return { ...container, volumeDevices };
}

/** Always a limit: a VM that outgrows its model must not take its neighbours' memory. */
function setMemoryLimit(container: Container, guest: GuestSpec): Container {
  const { limits } = container.resources ?? {};
  const memory = amount(limits?.['memory'], plainMemoryBytes(guest));
  return { ...container, resources: { ...container.resources, limits: { ...limits, memory } } };
}

/** Huge pages are counted by their own resource. */
function plainMemoryBytes({ hugepages, memoryBytes, overheadBytes }: GuestSpec): number {
  return hugepages === undefined ? memoryBytes + overheadBytes : overheadBytes;
}

/** Dedicated CPUs are whole, request and limit the same. */
function setCpus(container: Container, guest: GuestSpec): Container {
  if (guest.dedicatedCpus === undefined) return container;
  const { limits, requests } = container.resources ?? {};
  const cpu = String(guest.vcpus + extraCpus(guest));
  const set = (list: ResourceList | undefined): ResourceList => ({ ...list, cpu: sameAmount(list?.['cpu'], cpu) ?? cpu });
  return { ...container, resources: { ...container.resources, limits: set(limits), requests: set(requests) } };
}

/** One unit is one VM slot of the node; extended resources need request and limit equal. */
function setDevice(container: Container, guest: GuestSpec): Container {
  const { resources = {} } = container;
  const device = DEVICE_RESOURCE[guest.accelerator];
  const set = (list: ResourceList | undefined): ResourceList => withField(list ?? {}, device, '1');
  return { ...container, resources: { ...resources, limits: set(resources.limits), requests: set(resources.requests) } };
}

/** The text that is there when it means the same, so that another notation is no difference. */
function amount(present: string | number | undefined, bytes: number): string | number {
  return sameAmount(present, String(bytes)) ?? formatBytes(bytes);
}

function sameAmount(present: string | number | undefined, wanted: string): string | number | undefined {
  const [one, other] = [parseQuantity(String(present ?? '')), parseQuantity(wanted)];
  return one.ok && other.ok && one.value.nanos === other.value.nanos ? present : undefined;
}
