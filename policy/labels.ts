import type { LabelSelector } from '../api/policy-parts.ts';

export type Labels = Readonly<Record<string, string>>;
type Requirement = NonNullable<LabelSelector['matchExpressions']>[number];

/**
 * Whether labels meet a selector, by Kubernetes' rules: every requirement holds; no selector and an empty one select all. Asked of every
 * policy for every pod, so nothing is built here.
 */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return true;
  const { matchLabels = NO_LABELS, matchExpressions = NO_REQUIREMENTS } = selector;
  for (const key in matchLabels) if (!Object.hasOwn(labels, key) || labels[key] !== matchLabels[key]) return false;
  return matchExpressions.every((requirement) => meets(requirement, labels));
}

const NO_LABELS: Labels = {};
const NO_REQUIREMENTS: readonly Requirement[] = [];

function requirementsOf(selector: LabelSelector | undefined): readonly Requirement[] {
  const equalities = Object.entries(selector?.matchLabels ?? {}).map(([key, value]): Requirement => ({
    key,
    operator: 'In',
    values: [value],
  }));
  return [...equalities, ...(selector?.matchExpressions ?? [])];
}

/** NotIn holds for labels that are missing (apimachinery pkg/labels/selector.go). */
function meets({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  const outcomes = {
    In: value !== undefined && values.includes(value),
    NotIn: value === undefined || !values.includes(value),
    Exists: value !== undefined,
    DoesNotExist: value === undefined,
  };
  return outcomes[operator];
}

/**
 * Whether some labels could meet both selectors. Conservative: true unless one label key alone rules it out (both want other values of it,
 * or one wants it and the other its absence). So it may say true for two selectors that in practice never meet, never the reverse.
 */
export function mayOverlap(a: LabelSelector | undefined, b: LabelSelector | undefined): boolean {
  const requirements = [...requirementsOf(a), ...requirementsOf(b)];
  const keys = [...new Set(requirements.map(({ key }) => key))];
  return keys.every((key) => satisfiable(requirements.filter((requirement) => requirement.key === key)));
}

/** Whether one label can meet all these requirements on its key. Values not named by any In are as good as endless. */
function satisfiable(requirements: readonly Requirement[]): boolean {
  const key = requirements[0]?.key ?? '';
  if (requirements.every((requirement) => meets(requirement, {}))) return true;
  const named = requirements.find(({ operator }) => operator === 'In')?.values;
  const candidates = named ?? [unnamed(requirements)];
  return candidates.some((value) => requirements.every((requirement) => meets(requirement, { [key]: value })));
}

/** A value that no requirement names. */
function unnamed(requirements: readonly Requirement[]): string {
  const longest = requirements.flatMap(({ values = [] }) => values).reduce((most, value) => Math.max(most, value.length), 0);
  return 'x'.repeat(longest + 1);
}
