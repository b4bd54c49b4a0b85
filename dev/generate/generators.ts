import { draw } from '../pictures/cards.ts';
import { GUIDE_PICTURES } from '../pictures/guide.ts';
import { annotationsPage } from './annotations.ts';
import { nodeReportCrd } from './node-report-crd.ts';
import { policyCrd } from './policy-crd.ts';
import { policyPage } from './policy-page.ts';
import { policiesModule } from './policies.ts';

/** A committed file that is made from source. */
export interface Generator {
  /** Path from the project's root. */
  readonly file: string;
  /** Its text, before prettier (which formats no pictures). */
  readonly text: () => string;
}

const pictures = Object.entries(GUIDE_PICTURES).map(([name, picture]): Generator => ({
  file: `docs/images/placement-${name}.svg`,
  text: () => draw(picture()),
}));

/** Every generated file. */
export const GENERATORS: readonly Generator[] = [
  ...pictures,
  { file: 'docs/reference/annotations.md', text: annotationsPage },
  { file: 'docs/reference/policy.md', text: policyPage },
  { file: 'manifests/base/crd-nodereports.yaml', text: nodeReportCrd },
  { file: 'manifests/base/crd-virtualmachinepolicies.yaml', text: policyCrd },
  { file: 'webhooks/publish/gen/policies.ts', text: policiesModule },
];
