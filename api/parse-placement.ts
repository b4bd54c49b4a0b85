import { PLACEMENT_PREFIX } from './annotations.ts';
import type { GuestSpec } from './guest-spec.ts';
import { DIMENSIONS, isWish, MAX_WEIGHT, type Placement } from './placement.ts';
import type { Pod } from './pod.ts';
import type { Step } from './step.ts';
import { annotationField } from './violation.ts';

/** The placement annotations. What the pod does not say is not in the GuestSpec. */
export function parsePlacement({ metadata: { annotations = {} } }: Pod): Step<Pick<GuestSpec, 'placement'>> {
  const said = DIMENSIONS.flatMap((name) => {
    const value = annotations[PLACEMENT_PREFIX + name];
    return value === undefined ? [] : [{ name, value }];
  });
  const wrong = said.filter(({ value }) => !isWish(value));
  const placement = Object.fromEntries(said.filter(({ value }) => isWish(value)).map(({ name, value }) => [name, value]));
  return {
    value: Object.keys(placement).length === 0 ? {} : { placement: placement satisfies Placement },
    violations: wrong.map(({ name, value }) => ({
      field: annotationField(PLACEMENT_PREFIX + name),
      value,
      message: `allowed: require, prefer, prefer=WEIGHT with a whole weight from 1 to ${MAX_WEIGHT}, ignore`,
    })),
  };
}
