import { parseAllDocuments } from 'yaml';
import { messageOf, PodvisorError } from '../runtime/errors.ts';
import { isRecord } from '../runtime/record.ts';
import type { ManifestObject } from './workloads.ts';

/** Aliases may make a short text unfold to gigabytes; a manifest needs few. */
const MAX_ALIASES = 100;

/** Objects of a YAML stream or JSON text, Lists taken apart. Throws PodvisorError('config') that names file, line and column. */
export function readManifests(file: string, text: string): readonly ManifestObject[] {
  const documents = parseAllDocuments(text);
  if ('empty' in documents) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new PodvisorError('config', `${file}: ${error.message}`);
    return objectsOf(
      file,
      plain(file, () => document.toJS({ maxAliasCount: MAX_ALIASES })),
    );
  });
}

function plain(file: string, convert: () => unknown): unknown {
  try {
    return convert();
  } catch (error) {
    throw new PodvisorError('config', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

function objectsOf(file: string, value: unknown): readonly ManifestObject[] {
  if (value === null) return [];
  if (!isRecord(value) || typeof value['kind'] !== 'string')
    throw new PodvisorError('config', `${file}: not a Kubernetes object: a map with "kind" is expected`);
  if (value['kind'] !== 'List') return [value];
  const { items } = value;
  return Array.isArray(items) ? items.flatMap((item: unknown) => objectsOf(file, item)) : [];
}
