import { BINDINGS, type GuestNetwork } from './guest-spec.ts';
import { PREFIX } from './names.ts';
import { didYouMean } from './nearest.ts';
import type { Step } from './step.ts';
import { annotationField, type Violation } from './violation.ts';

/** Annotation that chooses bindings: `pod=bridge,net1=macvtap`. */
export const BINDINGS_ANNOTATION = `${PREFIX}networks`;

/** Chosen bindings, by `pod` or by interface. */
export type ChosenBindings = Readonly<Record<string, GuestNetwork['binding']>>;

/** Reads the annotation's value; `names` are what a binding can be chosen for: `pod` and the secondary networks' interfaces. */
export function parseBindings(text: string | undefined, names: readonly string[]): Step<ChosenBindings> {
  if (text === undefined) return { value: {}, violations: [] };
  const entries = text.split(',').map((entry) => entry.split('=').map((part) => part.trim()));
  const reasons = entries.map((entry, index) => {
    const earlier = entries.slice(0, index).some(([name]) => name === entry[0]);
    return earlier ? `'${entry[0] ?? ''}' is there twice; one binding each` : entryReason(entry, names);
  });
  const violations = reasons
    .filter((reason) => reason !== '')
    .map((message): Violation => ({ field: annotationField(BINDINGS_ANNOTATION), value: text, message }));
  const good = entries.filter((_, index) => reasons[index] === '');
  return { value: Object.fromEntries(good) as ChosenBindings, violations };
}

const FORM = "allowed: 'NETWORK=BINDING' entries separated by commas, such as pod=bridge,net1=macvtap";

function entryReason([name = '', binding, ...rest]: readonly string[], names: readonly string[]): string {
  if (binding === undefined || rest.length > 0) return `'${name.slice(0, 40)}' cannot be read; ${FORM}`;
  if (!names.includes(name)) {
    const shown = name.slice(0, 40);
    return `the pod has no network '${shown}'${didYouMean(name, names)}; allowed: ${names.join(', ')} (interfaces of the secondary networks)`;
  }
  if ((BINDINGS as readonly string[]).includes(binding)) return '';
  return `'${binding.slice(0, 40)}' is no binding${didYouMean(binding, BINDINGS)}; allowed: ${BINDINGS.join(', ')}`;
}
