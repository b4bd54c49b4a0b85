import type { Plan } from '../../api/placement-plan.ts';

/** What the colours mean in most pictures. */
export const KEY = [['guest', 'the guest'], ['free', 'free'], ['needed', 'what it would need']] as const; // prettier-ignore

/** The part of a plan that is in this zone. */
export function plannedIn(plan: Plan | undefined, zone: number): Plan['zones'][number] | undefined {
  return plan?.zones.find(({ id }) => id === zone);
}
