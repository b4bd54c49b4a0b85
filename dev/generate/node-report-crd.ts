import { stringify } from 'yaml';
import { NODE_REPORT_KIND, NODE_REPORT_PLURAL, NodeReportStatus } from '../../api/node-report.ts';
import { POLICY_GROUP, POLICY_VERSION } from '../../api/policy.ts';
import { column, structural } from './structural.ts';

/** The CustomResourceDefinition of NodeReport, made from the schema of its type (YAML, not yet formatted). */
export function nodeReportCrd(): string {
  const object = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${NODE_REPORT_PLURAL}.${POLICY_GROUP}` },
    spec: {
      group: POLICY_GROUP,
      scope: 'Cluster',
      names: {
        kind: NODE_REPORT_KIND,
        listKind: `${NODE_REPORT_KIND}List`,
        plural: NODE_REPORT_PLURAL,
        singular: 'nodereport',
        categories: ['podvisor'],
      },
      versions: [version()],
    },
  };
  return `# Made by \`npm run generate\` from api/node-report.ts. Do not edit.\n${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

function version(): object {
  return {
    name: POLICY_VERSION,
    served: true,
    storage: true,
    subresources: { status: {} },
    additionalPrinterColumns: [
      column('Accelerator', 'string', '.status.accelerator'),
      column('QEMU', 'string', '.status.qemuVersion'),
      column('Free pages', 'string', '.status.summary'),
      column('Changed', 'date', '.status.observedTime'),
    ],
    schema: {
      openAPIV3Schema: {
        type: 'object',
        description:
          'What the agent of a node knows of it, for placement. Written by the agent alone; nothing here is to be set.',
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          metadata: { type: 'object' },
          status: structural(NodeReportStatus),
        },
      },
    },
  };
}
