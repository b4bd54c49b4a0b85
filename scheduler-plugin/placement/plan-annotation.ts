import { isRecord } from '../../runtime/record.ts';
import type { Plan } from './room.ts';
import type { Needs } from './wanted.ts';

/** More than this is no plan of ours: 8 cells and 8 VFs are a few hundred characters. */
const MAX_LENGTH = 2_048;

/** The plan as an annotation of the pod: `{"zones":[{"id":0,"cpus":2,"amount":1024}],"functions":["0000:3b:00.0"]}`. */
export function planText({ zones, functions }: Plan): string {
  return JSON.stringify({ zones, functions });
}

/**
 * Reads a plan back. Whoever may write the pod may have written it, so it can only say where the VM's own needs are, never more or less than
 * they are: what does not add up is no plan. Total.
 */
export function readPlan(text: string | undefined, needs: Needs): Plan | undefined {
  if (text === undefined || text.length > MAX_LENGTH) return undefined;
  const plan = parsed(text);
  if (plan === undefined || plan.functions.length > needs.functions.length) return undefined;
  const amount = plan.zones.reduce((sum, zone) => sum + zone.amount, 0);
  const cpus = plan.zones.reduce((sum, zone) => sum + zone.cpus, 0);
  return amount <= needs.amount && cpus <= needs.cpus ? plan : undefined;
}

function parsed(text: string): Plan | undefined {
  try {
    const raw: unknown = JSON.parse(text);
    if (!isRecord(raw) || !Array.isArray(raw.zones) || !Array.isArray(raw.functions)) return undefined;
    const zones = raw.zones.flatMap((zone: unknown) => readZone(zone));
    const functions = raw.functions.filter((one) => typeof one === 'string');
    const isWhole = zones.length === raw.zones.length && functions.length === raw.functions.length;
    return isWhole ? { zones, functions } : undefined;
  } catch {
    return undefined;
  }
}

function readZone(zone: unknown): Plan['zones'] {
  if (!isRecord(zone)) return [];
  const { id, cpus, amount } = zone;
  return isCount(id) && isCount(cpus) && isCount(amount) ? [{ id, cpus, amount }] : [];
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
