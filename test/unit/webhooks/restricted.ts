import type { Container, Pod, SecurityContext } from '../../../api/pod.ts';

/** What Pod Security level `restricted` objects to (k8s.io/pod-security-admission policy v1.36), for the fields these tests use. */
export function restrictedObjections(pod: Pod): string[] {
  const { spec } = pod;
  const podContext = (spec.securityContext ?? {}) as SecurityContext;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return [
    ...(['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((flag) => spec[flag] === true),
    ...(spec.volumes ?? [])
      .filter((volume) => !ALLOWED_VOLUMES.some((kind) => kind in volume))
      .map(({ name }) => `volume ${name}`),
    ...containers.flatMap((container) => objections(container, podContext).map((what) => `${container.name}: ${what}`)),
  ];
}

const ALLOWED_VOLUMES = [
  'configMap',
  'downwardAPI',
  'emptyDir',
  'projected',
  'secret',
  'csi',
  'persistentVolumeClaim',
  'ephemeral',
  'image',
];

function objections({ securityContext: own = {}, ports = [] }: Container, podContext: SecurityContext): string[] {
  const { capabilities = {} } = own;
  const rules: [string, boolean][] = [
    ['privileged', own.privileged !== true],
    ['allowPrivilegeEscalation', own.allowPrivilegeEscalation === false],
    ['drop ALL', capabilities.drop?.includes('ALL') === true],
    ['add', (capabilities.add ?? []).every((name) => name === 'NET_BIND_SERVICE')],
    ['runAsNonRoot', (own.runAsNonRoot ?? podContext.runAsNonRoot) === true],
    ['runAsUser', own.runAsUser !== 0],
    ['seccomp', ['RuntimeDefault', 'Localhost'].includes((own.seccompProfile ?? podContext.seccompProfile)?.type ?? '')],
    ['hostPort', (ports as { hostPort?: number }[]).every((port) => (port.hostPort ?? 0) === 0)],
  ];
  return rules.filter(([, holds]) => !holds).map(([name]) => name);
}
