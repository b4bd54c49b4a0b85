import type { TSchema } from '@sinclair/typebox';
import { POLICY_FIELDS } from '../../api/policy-fields.ts';
import { PolicySpec, PolicyStatus } from '../../api/policy.ts';
import { schemaRows, table } from './tables.ts';

/** The reference page of VirtualMachinePolicy (Markdown, not yet formatted). */
export function policyPage(): string {
  return [
    '# VirtualMachinePolicy',
    '<!-- Made by `npm run generate` from api/policy.ts. Do not edit. -->',
    'What an administrator allows and defaults for VM pods: cluster-scoped, `podvisor.dev/v1alpha1`, short name `vmpolicy`. ' +
      'How to use it: [policies.md](../policies.md).',
    '## spec',
    table(['Field', 'Type', 'Meaning'], schemaRows('', PolicySpec)),
    '## Fields of the guest',
    'Where each field of `spec.guest` is read from, and where its default is written.',
    table(
      ['Field', 'In the pod', 'Default is written to', 'Meaning'],
      POLICY_FIELDS.map(({ name, from, writes, doc }) => [`\`${name}\``, `\`${from}\``, target(writes), doc]),
    ),
    '`{container}` is the guest container.',
    '## status',
    table(['Field', 'Type', 'Meaning'], schemaRows('', PolicyStatus)),
    '## What the API server refuses',
    'Rules of the schema in CEL, checked when a policy is created or changed, besides types, lengths and values above.',
    table(['Where', 'Refused because'], refusals('spec', PolicySpec)),
    '',
  ].join('\n\n');
}

function target(writes: (typeof POLICY_FIELDS)[number]['writes']): string {
  if (writes === undefined) return 'none';
  return 'annotation' in writes ? 'the annotation' : `\`resources.limits.${writes.resource}\``;
}

function refusals(path: string, schema: TSchema): string[][] {
  const rules = (schema['x-kubernetes-validations'] ?? []) as readonly { message: string }[];
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, TSchema>);
  const items = schema['items'] as TSchema | undefined;
  return [
    ...rules.map(({ message }) => [`\`${path}\``, message]),
    ...properties.flatMap(([name, inner]) => refusals(`${path}.${name}`, inner)),
    ...(items === undefined ? [] : refusals(`${path}[]`, items)),
  ];
}
