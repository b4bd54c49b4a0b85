import { stringify } from 'yaml';
import { POLICY_GROUP, POLICY_KIND, POLICY_PLURAL, POLICY_VERSION, PolicySpec, PolicyStatus } from '../../api/policy.ts';
import { column, structural } from './structural.ts';

/** The CustomResourceDefinition of VirtualMachinePolicy, made from the schema the code checks policies with (YAML, not yet formatted). */
export function policyCrd(): string {
  const object = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${POLICY_PLURAL}.${POLICY_GROUP}` },
    spec: {
      group: POLICY_GROUP,
      scope: 'Cluster',
      names: {
        kind: POLICY_KIND,
        listKind: `${POLICY_KIND}List`,
        plural: POLICY_PLURAL,
        singular: 'virtualmachinepolicy',
        shortNames: ['vmpolicy'],
        categories: ['podvisor'],
      },
      versions: [version()],
    },
  };
  return `# Made by \`npm run generate\` from api/policy.ts. Do not edit.\n${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

function version(): object {
  return {
    name: POLICY_VERSION,
    served: true,
    storage: true,
    subresources: { status: {} },
    additionalPrinterColumns: [
      column('Mode', 'string', '.spec.mode'),
      column('Priority', 'integer', '.spec.priority'),
      column('Matching', 'integer', '.status.matching'),
      column('Violating', 'integer', '.status.violating'),
      column('Age', 'date', '.metadata.creationTimestamp'),
    ],
    schema: {
      openAPIV3Schema: {
        type: 'object',
        description: 'What an administrator allows and defaults for VM pods.',
        required: ['spec'],
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          metadata: { type: 'object' },
          spec: structural(PolicySpec),
          status: structural(PolicyStatus),
        },
      },
    },
  };
}
