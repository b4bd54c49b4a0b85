import type { TSchema } from '@sinclair/typebox';
import { annotationSchema } from '../../../api/annotations.ts';
import { GuestSpec } from '../../../api/guest-spec.ts';
import { choicesOf, guestFieldSchema, POLICY_FIELDS, UNGOVERNED } from '../../../api/policy-fields.ts';

/** Paths of everything in a schema that can hold a value; lists themselves and what is in them. */
function leaves(path: string, schema: TSchema): string[] {
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
  if (schema['type'] === 'object') {
    return Object.entries(schema['properties'] as Record<string, TSchema>).flatMap(([name, inner]) => leaves(below(name), inner));
  }
  if (schema['type'] !== 'array') return [path];
  const items = schema['items'] as TSchema;
  return [path, ...(items['type'] === 'object' ? leaves(`${path}[]`, items) : [])];
}

const known = [...POLICY_FIELDS.map(({ path }) => path), ...Object.keys(UNGOVERNED)];

test('every field of the GuestSpec can be governed: a row in POLICY_FIELDS, or a reason in UNGOVERNED (api/policy-fields.ts)', () => {
  expect(leaves('', GuestSpec).filter((path) => !known.includes(path))).toEqual([]);
});

test('no row and no reason is for a field that is not there', () => {
  expect(known.filter((path) => guestFieldSchema(path) === undefined)).toEqual([]);
  expect(known.filter((path, index) => known.indexOf(path) !== index)).toEqual([]);
});

const written = POLICY_FIELDS.flatMap(({ name, kind, path, writes }) =>
  kind === 'choice' && writes !== undefined && 'annotation' in writes ? [[name, path, writes.annotation] as const] : [],
);
test.each(written)('every value of %s can be written as its default', (_, path, annotation) => {
  const supported = annotationSchema(annotation)?.choices?.filter(({ status }) => status === 'supported') ?? [];
  expect(supported.map(({ value }) => value)).toEqual(expect.arrayContaining([...choicesOf(path)]));
});

test.each(POLICY_FIELDS.filter(({ kind }) => kind === 'choice').map(({ name, path }) => [name, path]))(
  'choice %s has values',
  (_, path) => expect(choicesOf(path).length).toBeGreaterThan(0),
);
