import type { Exemption } from '../api/policy.ts';
import { type Labels, selects } from './labels.ts';
import type { CompiledPolicy, PolicyRequest } from './types.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';
const DAY_MS = 86_400_000;

/**
 * The policies for a pod, exemptions left out: the highest priority first, then by name, so that every replica and every run agrees.
 * `now` in milliseconds since the epoch.
 */
export function selectPolicies(
  request: PolicyRequest,
  policies: readonly CompiledPolicy[],
  now: number,
): readonly CompiledPolicy[] {
  const namespaceLabels = { [NAME_LABEL]: request.namespace.name, ...request.namespace.labels };
  return policies
    .filter(({ spec }) => selects(spec.namespaceSelector, namespaceLabels) && selects(spec.podSelector, request.labels))
    .filter(({ spec }) => !(spec.exemptions ?? []).some((exemption) => exempts(exemption, request, namespaceLabels, now)))
    .sort(byPriority);
}

/** Highest first; of equal ones the first name. */
export function byPriority(a: CompiledPolicy, b: CompiledPolicy): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return a.name < b.name ? -1 : 1;
}

function exempts(exemption: Exemption, request: PolicyRequest, namespaceLabels: Labels, now: number): boolean {
  return (
    !isOver(exemption, now) &&
    selects(exemption.namespaceSelector, namespaceLabels) &&
    selects(exemption.podSelector, request.labels) &&
    isFor(exemption, request)
  );
}

/** The last day counts whole, in UTC. An unreadable date is over. */
function isOver({ until }: Exemption, now: number): boolean {
  return until !== undefined && !(now < Date.parse(`${until}T00:00:00Z`) + DAY_MS);
}

function isFor({ users, groups }: Exemption, { user }: PolicyRequest): boolean {
  if (users === undefined && groups === undefined) return true;
  if (user === undefined) return false;
  return users?.includes(user.username) === true || groups?.some((group) => user.groups.includes(group)) === true;
}
