import type { GuestContainer } from './guest-container.ts';
import { LAUNCHER_SECURITY_CONTEXT } from './launcher-security.ts';
import { INJECTOR_VOLUME, TOKEN_MOUNT_PATH } from './names.ts';
import type { Container, SecurityContext } from './pod.ts';
import type { Violation } from './violation.ts';

/** Fields of the guest container that admission owns or that a guest cannot honour yet. */
export function checkGuestContainer({ container, path }: GuestContainer): readonly Violation[] {
  return [
    ...checkUnsupportedFields(container, path),
    ...checkMounts(container, path),
    ...checkProbes(container, path),
    ...checkConsole(container, path),
    ...checkSecurityContext(container.securityContext ?? {}, `${path}.securityContext`),
  ];
}

const COMMAND = 'the guest decides what it runs; remove it, and put the command into the image';
const ENVIRONMENT = 'does not reach the guest yet; remove it, and put the values into the image';
const UNSUPPORTED = Object.entries({
  command: COMMAND,
  args: COMMAND,
  workingDir: COMMAND,
  env: ENVIRONMENT,
  envFrom: ENVIRONMENT,
  lifecycle: 'hooks do not run in the guest yet; remove it; the guest gets the ACPI power button when the pod ends',
});

function checkUnsupportedFields(container: Container, path: string): readonly Violation[] {
  return UNSUPPORTED.filter(([field]) => isSet(container[field])).map(([field, message]) => ({
    field: `${path}.${field}`,
    message,
  }));
}

/** Absent and empty mean the same in a pod. */
function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== '';
}

function checkMounts({ volumeMounts = [] }: Container, path: string): readonly Violation[] {
  return volumeMounts.flatMap(({ name, mountPath }, index) => {
    // network-resources-injector gives its volume to all containers; it is the launcher's, not the guest's.
    if (mountPath === TOKEN_MOUNT_PATH || name === INJECTOR_VOLUME) return [];
    const message = 'mounts do not reach the guest yet; remove it, or attach a block claim with volumeDevices';
    return [{ field: `${path}.volumeMounts[${index}]`, value: name, message }];
  });
}

function checkProbes(container: Container, path: string): readonly Violation[] {
  const kinds = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;
  return kinds
    .filter((kind) => isSet(container[kind]?.exec))
    .map((kind) => ({
      field: `${path}.${kind}.exec`,
      message:
        'commands do not run in the guest yet; allowed: httpGet, tcpSocket, grpc, which reach the guest through the pod IP',
    }));
}

function checkConsole({ stdinOnce, terminationMessagePath }: Container, path: string): readonly Violation[] {
  const once: Violation = {
    field: `${path}.stdinOnce`,
    value: 'true',
    message: 'the serial console would close for ever after the first attach; allowed: false; remove it',
  };
  const messagePath: Violation = {
    field: `${path}.terminationMessagePath`,
    value: terminationMessagePath ?? '',
    message: `the launcher writes why the guest ended to '${TERMINATION_LOG}'; allowed: that; remove it`,
  };
  const otherPath = terminationMessagePath !== undefined && !['', TERMINATION_LOG].includes(terminationMessagePath);
  return [...(stdinOnce === true ? [once] : []), ...(otherPath ? [messagePath] : [])];
}

const TERMINATION_LOG = '/dev/termination-log';
/** What a user may say besides; anything that is not here and not ours passes (seLinuxOptions, appArmorProfile, fields to come). */
const HARMLESS: Readonly<Record<string, unknown>> = { privileged: false, procMount: 'Default' };
const FIXED = Object.entries({ ...HARMLESS, ...LAUNCHER_SECURITY_CONTEXT });

function checkSecurityContext(context: SecurityContext, path: string): readonly Violation[] {
  return FIXED.filter(([field, value]) => isSet(context[field]) && !sameJson(withoutEmpty(context[field]), value)).map(
    ([field, value]) => ({
      field: `${path}.${field}`,
      value: JSON.stringify(context[field]),
      message: `is fixed for the launcher that runs the guest; allowed: ${JSON.stringify(value)}; remove it`,
    }),
  );
}

/** An empty `capabilities.add` beside `drop` says nothing. */
function withoutEmpty(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => isSet(inner)));
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
