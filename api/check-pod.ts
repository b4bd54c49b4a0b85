import { PREFIX, VOLUME_PREFIX } from './names.ts';
import type { Container, Pod, PodSpec, ResourceRequirements } from './pod.ts';
import type { Violation } from './violation.ts';

type Check = (spec: PodSpec) => readonly Violation[];

/** Pod-level fields that cannot go together with a guest. */
export function checkPodSpec({ spec }: Pod): readonly Violation[] {
  return CHECKS.flatMap((check) => check(spec));
}

const HOST_FLAGS = ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const;

function checkHostFlags(spec: PodSpec): readonly Violation[] {
  return HOST_FLAGS.filter((flag) => spec[flag] === true).map((flag) => ({
    field: `spec.${flag}`,
    value: 'true',
    message: 'a VM pod keeps its namespaces to itself; allowed: false; remove it',
  }));
}

function checkHostUsers({ hostUsers }: PodSpec): readonly Violation[] {
  if (hostUsers !== false) return [];
  const message = 'is not supported yet: the node agent hands devices to the pod by host user id; allowed: true; remove it';
  return [{ field: 'spec.hostUsers', value: 'false', message }];
}

function checkRuntimeClass({ runtimeClassName }: PodSpec): readonly Violation[] {
  if (runtimeClassName === undefined || runtimeClassName === '') return [];
  const message = "a VM pod runs in the node's default runtime, which needs to know nothing of VMs; remove it";
  return [{ field: 'spec.runtimeClassName', value: runtimeClassName, message }];
}

function checkOs({ os }: PodSpec): readonly Violation[] {
  if (os === undefined || os.name === 'linux') return [];
  const message = 'means the node, and VM pods run on Linux nodes, whatever the guest is; allowed: linux; remove it';
  return [{ field: 'spec.os.name', value: os.name, message }];
}

function checkPodResources({ resources }: PodSpec): readonly Violation[] {
  if (Object.keys(resources?.limits ?? {}).length + Object.keys(resources?.requests ?? {}).length === 0) return [];
  const message = 'pod-level resources are not supported yet with a guest; set resources on the containers';
  return [{ field: 'spec.resources', message }];
}

function checkVolumeNames({ volumes = [] }: PodSpec): readonly Violation[] {
  return volumes.flatMap(({ name }, index) => {
    if (!name.startsWith(VOLUME_PREFIX)) return [];
    const message = `names that begin with '${VOLUME_PREFIX}' belong to Podvisor; rename the volume`;
    return [{ field: `spec.volumes[${index}].name`, value: name, message }];
  });
}

function checkDeviceRequests({ containers, initContainers = [] }: PodSpec): readonly Violation[] {
  return [...deviceRequests('spec.containers', containers), ...deviceRequests('spec.initContainers', initContainers)];
}

function deviceRequests(path: string, containers: readonly Container[]): readonly Violation[] {
  return containers.flatMap(({ resources = {} }, index) => [
    ...deviceEntries(`${path}[${index}].resources.limits`, resources.limits),
    ...deviceEntries(`${path}[${index}].resources.requests`, resources.requests),
  ]);
}

function deviceEntries(path: string, list: ResourceRequirements['limits'] = {}): readonly Violation[] {
  return Object.entries(list)
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, amount]) => ({
      field: `${path}[${name}]`,
      value: String(amount),
      message: `is requested by Podvisor at admission; remove it, and choose with annotation ${PREFIX}accelerator`,
    }));
}

const CHECKS: readonly Check[] = [
  checkHostFlags,
  checkHostUsers,
  checkRuntimeClass,
  checkOs,
  checkPodResources,
  checkVolumeNames,
  checkDeviceRequests,
];
