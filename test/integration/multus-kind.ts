import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { isNotFound } from '../../kube/errors.ts';
import { KINDS, pathOf, type ResourceKind } from '../../kube/paths.ts';
import { realClock } from '../../runtime/clock.ts';
import type { ApiServer } from './api-server.ts';

const DEFINITIONS: ResourceKind = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };

/** Installs NetworkAttachmentDefinitions as the local cluster has them; resolves once the API server serves them. */
export async function applyMultusKind({ client }: ApiServer): Promise<void> {
  const text = readFileSync(new URL('../../dev/cluster/config/system.yaml', import.meta.url), 'utf8');
  const all = parseAllDocuments(text).map((document) => document.toJS() as { kind?: string } | null);
  const definition = all.find((object) => object?.kind === 'CustomResourceDefinition');
  if (definition == null) throw new Error('dev/cluster/config/system.yaml has no CustomResourceDefinition');
  await client.create(pathOf(DEFINITIONS), definition);
  const served = () => client.get(pathOf(KINDS.networkAttachments)).then(() => true, (error: unknown) => !isNotFound(error)); // prettier-ignore
  while (!(await served())) await realClock.sleep(50);
}
