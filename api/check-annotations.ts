import { type AnnotationChoice, type AnnotationSchema, annotationSchema, isOurs, USER_ANNOTATION_NAMES } from './annotations.ts';
import { VM_LABEL, VM_LABEL_VALUE } from './names.ts';
import { didYouMean, nearest } from './nearest.ts';
import type { ObjectMeta, Pod } from './pod.ts';
import { annotationField, type Violation } from './violation.ts';

/** Label and annotations by the schema alone; values with a grammar of their own are read where they are used. */
export function checkMetadata({ metadata }: Pod): readonly Violation[] {
  return [...checkVmLabel(metadata), ...checkMisplacedLabels(metadata), ...checkAnnotations(metadata)];
}

function checkVmLabel({ labels = {} }: ObjectMeta): readonly Violation[] {
  const value = labels[VM_LABEL];
  if (value === undefined || value === VM_LABEL_VALUE) return [];
  const message = `allowed: "${VM_LABEL_VALUE}"; remove the label to run a plain pod`;
  return [{ field: `metadata.labels[${VM_LABEL}]`, value, message }];
}

function checkMisplacedLabels({ labels = {} }: ObjectMeta): readonly Violation[] {
  return Object.entries(labels)
    .filter(([name]) => annotationSchema(name) !== undefined)
    .map(([name, value]) => ({
      field: `metadata.labels[${name}]`,
      value,
      message: 'is an annotation, not a label; move it to metadata.annotations',
    }));
}

/** More of ours than there are is a mistake or an attack, and looking for what each was meant to be takes time. */
const MAX_OURS = 100;

function checkAnnotations({ annotations = {} }: ObjectMeta): readonly Violation[] {
  const ours = Object.entries(annotations).filter(([name]) => isOurs(name));
  if (ours.length > MAX_OURS) {
    const message = `${ours.length} annotations of Podvisor; allowed: at most ${MAX_OURS}; remove those it does not know`;
    return [{ field: 'metadata.annotations', message }];
  }
  return ours.flatMap(([name, value]) => checkAnnotation(name, value));
}

function checkAnnotation(name: string, value: string): readonly Violation[] {
  const schema = annotationSchema(name);
  const message = schema === undefined ? unknownAnnotation(name) : refusal(schema, value);
  return message === '' ? [] : [{ field: annotationField(name), value, message }];
}

function unknownAnnotation(name: string): string {
  // Compared without the prefix they share, which would make every name look near.
  const prefix = name.slice(0, name.indexOf('/') + 1);
  const family = USER_ANNOTATION_NAMES.filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length));
  const meant = nearest(name.slice(prefix.length), family);
  const hint = meant === undefined ? '' : ` (did you mean '${prefix}${meant}'?)`;
  return `Podvisor knows no such annotation${hint}; allowed: those in docs/reference/annotations.md`;
}

/** Why the schema refuses a value; '' = it does not. */
function refusal(schema: AnnotationSchema, value: string): string {
  if (schema.status === 'internal') return 'is written by Podvisor at admission only; remove it';
  if (schema.status === 'not yet') return `is not supported yet; ${schema.instead ?? 'remove it'}`;
  return schema.choices === undefined ? '' : choiceRefusal(schema, schema.choices, value);
}

function choiceRefusal(schema: AnnotationSchema, choices: readonly AnnotationChoice[], value: string): string {
  const allowed = `allowed: ${schema.allowed.replaceAll('`', '')}`;
  const chosen = choices.find((choice) => choice.value === value);
  if (chosen === undefined)
    return `is unknown${didYouMean(
      value,
      choices.map((choice) => choice.value),
    )}; ${allowed}`;
  return chosen.reason === undefined ? '' : `is not supported yet (${chosen.reason}); ${allowed}`;
}
