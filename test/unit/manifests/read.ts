import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** A manifest as far as these tests look at it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly [field: string]: unknown;
}

const base = join(import.meta.dirname, '../../../manifests/base');

/** Every object of `manifests/base`, without kustomize (unit tests need nothing installed). */
export function baseManifests(): readonly Manifest[] {
  const files = readdirSync(base).filter((file) => file.endsWith('.yaml') && !OTHER.includes(file));
  return files.flatMap((file) => parseAll(readFileSync(join(base, file), 'utf8')));
}

/** One file of `manifests/base`, its first document. */
export function baseFile(file: string): unknown {
  return parseAll(readFileSync(join(base, file), 'utf8'))[0];
}

/** Not objects of the API server. */
const OTHER = ['kustomization.yaml', 'scheduler-config.yaml'];

function parseAll(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    return document.toJS() as Manifest;
  });
}

/** Where, as a reader would name it. */
export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
}
