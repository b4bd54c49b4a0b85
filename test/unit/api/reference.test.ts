import { readFileSync } from 'node:fs';
import { generatedText } from '../../../dev/generate/generated-text.ts';
import { GENERATORS } from '../../../dev/generate/generators.ts';

describe('a generated file is what its source makes now (else: npm run generate)', () => {
  it.each(GENERATORS.map((generator) => [generator.file, generator] as const))('%s', async (file, generator) => {
    const path = new URL(`../../../${file}`, import.meta.url).pathname;
    expect(readFileSync(path, 'utf8')).toBe(await generatedText(generator, path));
  });
});
