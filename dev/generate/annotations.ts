import { ANNOTATIONS, type AnnotationChoice, type AnnotationSchema } from '../../api/annotations.ts';
import { GuestSpec } from '../../api/guest-spec.ts';
import { GUEST_ANNOTATION, VM_LABEL, VM_LABEL_VALUE } from '../../api/names.ts';
import { schemaRows, table } from './tables.ts';

/** The reference page of annotations, made from the schema the parser uses (Markdown, not yet formatted). */
export function annotationsPage(): string {
  const supported = ANNOTATIONS.filter((one) => one.status === 'supported');
  const planned = ANNOTATIONS.filter((one) => one.status === 'not yet');
  const internal = ANNOTATIONS.filter((one) => one.status === 'internal');
  return [
    '# Annotations',
    '<!-- Made by `npm run generate` from api/annotations.ts and api/guest-spec.ts. Do not edit. -->',
    `A Pod becomes a virtual machine by the label \`${VM_LABEL}: "${VM_LABEL_VALUE}"\`. These annotations of the pod tune it. All are optional. ` +
      'One that is misspelled, not supported yet or has a wrong value is refused at admission, with the nearest right name.',
    overview(supported),
    ...supported.map(section),
    '## Not supported yet',
    'Known and refused, so that nobody relies on them by mistake.',
    table(['Annotation', 'Meaning', 'Today'], planned.map((one) => [`\`${one.name}\``, one.doc, one.instead ?? ''])),
    '## Written by Podvisor',
    table(['Annotation', 'Meaning'], internal.map((one) => [`\`${one.name}\``, one.doc])),
    `### Fields of \`${GUEST_ANNOTATION}\``,
    'Read it to see what Podvisor understood; write it and the pod is refused.',
    table(['Field', 'Type', 'Meaning'], schemaRows('', GuestSpec)),
    '',
  ].join('\n\n'); // prettier-ignore
}

function overview(annotations: readonly AnnotationSchema[]): string {
  const link = (name: string) => `[\`${name}\`](#${name.replaceAll(/[./]/g, '')})`;
  return table(['Annotation', 'Without it'], annotations.map((one) => [link(one.name), one.default])); // prettier-ignore
}

function section(annotation: AnnotationSchema): string {
  const { name, doc, allowed, choices } = annotation;
  const values = choices === undefined ? [`Allowed: ${allowed}.`] : [choiceTable(choices)];
  return [`## ${name}`, doc, ...values, `Default: ${annotation.default}.`].join('\n\n');
}

function choiceTable(choices: readonly AnnotationChoice[]): string {
  const note = (choice: AnnotationChoice) => (choice.status === 'not yet' ? `${choice.doc} _Not supported yet._` : choice.doc);
  return table(['Value', 'Meaning'], choices.map((choice) => [`\`${choice.value}\``, note(choice)])); // prettier-ignore
}
