import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

const MANIFEST = 'manifests/base/admission-policy.yaml';

/** The committed policies as a module, for the process that restores them: the manifest stays their one source (ADR 0012). */
export function policiesModule(): string {
  const text = readFileSync(join(import.meta.dirname, '..', '..', MANIFEST), 'utf8');
  const objects = parseAllDocuments(text).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS() as unknown;
  });
  return [
    `// Made by \`npm run generate\` from ${MANIFEST}. Do not edit.`,
    "import type { KeptObject } from '../next-restore-action.ts';",
    '',
    '/** The ValidatingAdmissionPolicies and their bindings, as installed. */',
    `export const POLICIES: readonly KeptObject[] = ${JSON.stringify(objects)};`,
    '',
  ].join('\n');
}
