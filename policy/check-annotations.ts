import { PLACEMENT_PREFIX } from '../api/annotations.ts';
import { PREFIX } from '../api/names.ts';
import type { AnnotationRule, PolicySpec } from '../api/policy.ts';
import { annotationField } from '../api/violation.ts';
import { judgeNames } from './check-fields.ts';
import type { PolicyCheck } from './types.ts';

/** A rule of a policy about an annotation of the pod. */
export interface AnnotationPolicy {
  /** Where in `spec`: `placement.storage`. */
  readonly field: string;
  readonly annotation: string;
  readonly rule: AnnotationRule;
}

/** All of a policy's rules about annotations: placement and migration. */
export function annotationPolicies({ placement = {}, migration }: PolicySpec): readonly AnnotationPolicy[] {
  const dimensions = Object.entries(placement).map(([name, rule]) => ({
    field: `placement.${name}`,
    annotation: PLACEMENT_PREFIX + name,
    rule,
  }));
  return migration === undefined
    ? dimensions
    : [...dimensions, { field: 'migration', annotation: `${PREFIX}migration`, rule: migration }];
}

/** Checks of annotations by name. A forced value is a default first, so a pod that says nothing passes. */
export function annotationChecks(spec: PolicySpec): readonly PolicyCheck[] {
  return annotationPolicies(spec).map(({ annotation, rule }) => {
    const judge = judgeOf(rule);
    return {
      needsWhole: false,
      run: ({ pod }) => {
        const value = pod.metadata.annotations?.[annotation];
        const message = judge(value);
        if (message === '') return [];
        return [{ field: annotationField(annotation), ...(value === undefined ? {} : { value }), message }];
      },
    };
  });
}

/** Why a value, or its absence, is refused; '' = it is not. */
function judgeOf({ allowed, forced, forbidden }: AnnotationRule): (value: string | undefined) => string {
  if (forbidden === true) return (value) => (value === undefined ? '' : 'may not be set; remove it');
  if (forced !== undefined) return (value) => (value === forced ? '' : `must be ${forced}; allowed: ${forced}`);
  const judge = judgeNames(allowed === undefined ? {} : { allowed });
  return (value) => (value === undefined ? '' : judge(value));
}
