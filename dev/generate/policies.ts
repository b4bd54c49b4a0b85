import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

const MANIFESTS = ['manifests/base/admission-policy.yaml', 'manifests/base/controllers-policy.yaml'] as const;

/** The committed policies as a module, for the process that restores them: the manifest stays their one source (ADR 0012). */
export function policiesModule(): string {
  const objects = MANIFESTS.flatMap((file) => objectsOf(file));
  return [
    `// Made by \`npm run generate\` from ${MANIFESTS.join(' and ')}. Do not edit.`,
    "import type { KeptObject } from '../next-restore-action.ts';",
    '',
    '/** The ValidatingAdmissionPolicies and their bindings, as installed. */',
    `export const POLICIES: readonly KeptObject[] = ${JSON.stringify(objects)};`,
    '',
  ].join('\n');
}

function objectsOf(file: string): unknown[] {
  const text = readFileSync(join(import.meta.dirname, '..', '..', file), 'utf8');
  return parseAllDocuments(text).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS() as unknown;
  });
}
