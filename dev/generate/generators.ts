import { annotationsPage } from './annotations.ts';
import { nodeReportCrd } from './node-report-crd.ts';
import { policyCrd } from './policy-crd.ts';
import { policyPage } from './policy-page.ts';
import { policiesModule } from './policies.ts';

/** A committed file that is made from source. */
export interface Generator {
  /** Path from the project's root. */
  readonly file: string;
  /** Its text, before prettier. */
  readonly text: () => string;
}

/** Every generated file. */
export const GENERATORS: readonly Generator[] = [
  { file: 'docs/reference/annotations.md', text: annotationsPage },
  { file: 'docs/reference/policy.md', text: policyPage },
  { file: 'manifests/base/crd-nodereports.yaml', text: nodeReportCrd },
  { file: 'manifests/base/crd-virtualmachinepolicies.yaml', text: policyCrd },
  { file: 'webhooks/publish/gen/policies.ts', text: policiesModule },
];
