import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeClient } from '../../kube/client.ts';
import { isNotFound } from '../../kube/errors.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { eventually } from '../build/eventually.ts';
import { groupDirectory } from './programs.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Kinds of other projects, each with the file of its own definition as dev/programs/definitions fetches it. */
const FILES = {
  nodeResourceTopologies: 'crd.yaml',
  sriovNodeStates: 'sriovnetwork.openshift.io_sriovnetworknodestates.yaml',
  longhornReplicas: 'crds.yaml',
  longhornVolumes: 'crds.yaml',
  longhornNodes: 'crds.yaml',
  longhornSettings: 'crds.yaml',
} as const;

/** One of {@link FILES}. */
export type ForeignKind = keyof typeof FILES;

interface Definition {
  readonly metadata: { readonly name: string };
}

/** Installs the definitions of these kinds; resolves once the API server serves them. */
export async function install(client: KubeClient, ...kinds: readonly ForeignKind[]): Promise<void> {
  for (const kind of kinds) await client.create(DEFINITIONS, definitionOf(kind));
  for (const kind of kinds) await eventually(`${kind} are served`, async () => isServed(client, kind));
}

/** Removes a definition and all its objects; resolves once the API server serves them no more. */
export async function uninstall(client: KubeClient, kind: ForeignKind): Promise<void> {
  await client.delete(`${DEFINITIONS}/${nameOf(kind)}`);
  await eventually(`${kind} are gone`, async () => !(await isServed(client, kind)));
}

function nameOf(kind: ForeignKind): string {
  const { plural, group } = KINDS[kind];
  return `${plural}.${group}`;
}

function definitionOf(kind: ForeignKind): Definition {
  const file = FILES[kind];
  const directory = groupDirectory('definitions', [file]);
  if (directory === undefined) throw new Error('kinds of others were not fetched; run dev/programs/build (make up does it)');
  // Longhorn's file is a part of its chart: the labels are a template.
  const text = readFileSync(join(directory, file), 'utf8').replaceAll(/^ *labels: \{\{.*$/gm, '');
  const all = parseAllDocuments(text);
  const definition = all.map((document) => document.toJS() as Definition | null).find((one) => one?.metadata.name === nameOf(kind));
  if (definition == null) throw new Error(`${file} has no ${nameOf(kind)}`);
  return definition;
} // prettier-ignore

function isServed(client: KubeClient, kind: ForeignKind): Promise<boolean> {
  return client.get(pathOf(KINDS[kind])).then(
    () => true,
    (error: unknown) => !isNotFound(error),
  );
}
