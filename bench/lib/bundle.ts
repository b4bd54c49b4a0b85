import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { asciiOnly } from '../../dev/bundle/ascii-only.ts';

const BANNER = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;

/** A file made of a program and all it imports, as the images have it, in a directory of its own. */
export interface Bundle {
  readonly file: string;
  /** Removes file and directory. */
  readonly remove: () => void;
}

/** Bundles a program. */
export async function bundle(entry: string): Promise<Bundle> {
  const directory = mkdtempSync(join(tmpdir(), 'podvisor-bench-'));
  const file = join(directory, 'server.mjs');
  await build({
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: BANNER },
    define: { PODVISOR_VERSION: '"bench"' },
    logLevel: 'error',
  });
  writeFileSync(file, asciiOnly(readFileSync(file, 'utf8')));
  return { file, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
