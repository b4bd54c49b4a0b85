import { parsePlan, type Plan } from '../../api/placement-plan.ts';
import type { Needs } from './wanted.ts';

/**
 * Reads a plan back. Whoever may write the pod may have written it, so it can only say where the VM's own needs are, never more or less than
 * they are: what does not add up is no plan. Total.
 */
export function readPlan(text: string | undefined, needs: Needs): Plan | undefined {
  const plan = parsePlan(text);
  if (plan === undefined || plan.functions.length > needs.functions.length) return undefined;
  const amount = plan.zones.reduce((sum, zone) => sum + zone.amount, 0);
  const cpus = plan.zones.reduce((sum, zone) => sum + zone.cpus, 0);
  return amount <= needs.amount && cpus <= needs.cpus ? plan : undefined;
}
