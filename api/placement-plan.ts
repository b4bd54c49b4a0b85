import { isRecord } from './record.ts';

/** Where in a node a VM is meant to be: what the extender plans, the Binding carries (`PLAN_ANNOTATION`) and the agent follows. */
export interface Plan {
  /** Amounts are of the VM's kind of memory: bytes of plain memory, pages of huge ones. */
  readonly zones: readonly { readonly id: number; readonly cpus: number; readonly amount: number }[];
  /** The physical function of each VF, in the order of the guest's networks. */
  readonly functions: readonly string[];
}

/** More than this is no plan of ours: 8 cells and 8 VFs are a few hundred characters. */
const MAX_LENGTH = 2_048;

/** The plan as an annotation of the pod: `{"zones":[{"id":0,"cpus":2,"amount":1024}],"functions":["0000:3b:00.0"]}`. */
export function planText({ zones, functions }: Plan): string {
  return JSON.stringify({ zones, functions });
}

/** Reads a plan back, whoever wrote it; what is not wholly one is none. Whether it adds up to what a VM needs is the caller's to see. Total. */
export function parsePlan(text: string | undefined): Plan | undefined {
  if (text === undefined || text.length > MAX_LENGTH) return undefined;
  try {
    const raw: unknown = JSON.parse(text);
    if (!isRecord(raw) || !Array.isArray(raw['zones']) || !Array.isArray(raw['functions'])) return undefined;
    const zones = raw['zones'].flatMap((zone: unknown) => readZone(zone));
    const functions = raw['functions'].filter((one) => typeof one === 'string');
    const isWhole = zones.length === raw['zones'].length && functions.length === raw['functions'].length;
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
