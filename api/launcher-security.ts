import { LAUNCHER_UID } from './names.ts';
import type { SecurityContext } from './pod.ts';

/** The guest container's security context: everything Pod Security `restricted` asks for, and a read-only root. Set by admission. */
export const LAUNCHER_SECURITY_CONTEXT = {
  runAsUser: LAUNCHER_UID,
  runAsGroup: LAUNCHER_UID,
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
} as const satisfies SecurityContext;
