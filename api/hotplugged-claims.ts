import { OBJECT_NAME } from './guest-spec.ts';
import { HOTPLUGGED_ANNOTATION } from './names.ts';
import type { ObjectMeta, Pod } from './pod.ts';
import { bad, good, type Step } from './step.ts';
import { annotationField } from './violation.ts';

/** More than a guest has places for, whatever they are plugged into. */
const MOST = 100;
const NAME = new RegExp(OBJECT_NAME);

/** Names of PersistentVolumeClaims that are plugged into the running guest. Total: what is no name is left out. */
export function hotpluggedClaims(annotations: NonNullable<ObjectMeta['annotations']>): readonly string[] {
  const text = annotations[HOTPLUGGED_ANNOTATION];
  return text === undefined ? [] : [...new Set(namesIn(text))].filter((name) => NAME.test(name)).slice(0, MOST);
}

/** Only checked: what the guest has while it runs is no part of its GuestSpec. */
export function parseHotplugged({ metadata: { annotations = {} } }: Pod): Step<undefined> {
  const value = annotations[HOTPLUGGED_ANNOTATION];
  const message = value === undefined ? '' : refusal(namesIn(value));
  if (value === undefined || message === '') return good(undefined);
  return bad(undefined, { field: annotationField(HOTPLUGGED_ANNOTATION), value, message });
}

function namesIn(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim());
}

function refusal(names: readonly string[]): string {
  const wrong = names.find((name) => !NAME.test(name));
  if (wrong === '' && names.length === 1) return 'names no claim; remove it';
  if (wrong !== undefined) {
    const shown = `'${wrong.slice(0, 80)}'`;
    return `${shown} is no name of a PersistentVolumeClaim; allowed: names of claims in the pod's namespace, separated by commas`;
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return `names '${twice}' twice; remove one`;
  return names.length > MOST ? `names ${names.length} claims; allowed: at most ${MOST}` : '';
}
