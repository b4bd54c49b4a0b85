// Writes every generated file; with --check writes nothing and fails when a committed one is stale.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generatedText } from './generated-text.ts';
import { type Generator, GENERATORS } from './generators.ts';

const root = join(import.meta.dirname, '..', '..');

async function isFresh(generator: Generator): Promise<boolean> {
  const path = join(root, generator.file);
  const committed = await readFile(path, 'utf8').catch(() => '');
  return committed === (await generatedText(generator, path));
}

async function write(generator: Generator): Promise<void> {
  const path = join(root, generator.file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await generatedText(generator, path));
  console.log(`wrote ${generator.file}`);
}

async function check(): Promise<void> {
  const stale = [];
  for (const generator of GENERATORS) if (!(await isFresh(generator))) stale.push(generator.file);
  if (stale.length === 0) return;
  console.error(`stale: ${stale.join(', ')}; run 'npm run generate' and commit the result`);
  process.exitCode = 1;
}

const [option] = process.argv.slice(2);
if (option === '--check') await check();
else if (option === undefined) for (const generator of GENERATORS) await write(generator);
else {
  console.error(`unknown option '${option}'; allowed: --check`);
  process.exitCode = 2;
}
