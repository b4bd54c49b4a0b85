import type { BoundVm } from '../placement/ledger.ts';

/** What is kept of a PodDisruptionBudget. */
export interface Budget {
  readonly namespace: string;
  readonly selects: (labels: Readonly<Record<string, string>>) => boolean;
  /** Pods that may be disrupted now. */
  readonly allowed: number;
}

interface Requirement {
  readonly key?: string;
  readonly operator?: string;
  readonly values?: readonly string[];
}

/** A PodDisruptionBudget as far as this file reads it (policy/v1). */
export interface BudgetObject {
  readonly metadata: { readonly namespace?: string };
  readonly spec?: {
    readonly selector?: {
      readonly matchLabels?: Readonly<Record<string, string>>;
      readonly matchExpressions?: readonly Requirement[];
    };
  };
  readonly status?: { readonly disruptionsAllowed?: number };
}

/** Reads a PodDisruptionBudget; undefined for one that selects nothing, as one with an empty selector does for the scheduler. */
export function budgetOf({ metadata, spec, status }: BudgetObject): Budget | undefined {
  const { matchLabels = {}, matchExpressions = [] } = spec?.selector ?? {};
  const pairs = Object.entries(matchLabels);
  if (pairs.length + matchExpressions.length === 0) return undefined;
  return {
    namespace: metadata.namespace ?? '',
    allowed: status?.disruptionsAllowed ?? 0,
    selects: (labels) =>
      pairs.every(([key, value]) => labels[key] === value) && matchExpressions.every((one) => meets(labels, one)),
  };
}

/** As apimachinery's label selectors: NotIn holds for a label that is not there. An operator nobody knows selects nothing. */
function meets(labels: Readonly<Record<string, string>>, { key = '', operator = '', values = [] }: Requirement): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** UIDs of the VMs whose eviction, in this order, a budget does not allow. */
export function violating(vms: readonly BoundVm[], budgets: readonly Budget[]): ReadonlySet<string> {
  const left = budgets.map(({ allowed }) => allowed);
  const found = new Set<string>();
  for (const { uid, standing } of vms) {
    for (const [index, { namespace, selects }] of budgets.entries()) {
      if (standing === undefined || standing.namespace !== namespace || !selects(standing.labels)) continue;
      left[index] = (left[index] ?? 0) - 1;
      if ((left[index] ?? 0) < 0) found.add(uid);
    }
  }
  return found;
}
