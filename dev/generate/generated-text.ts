import { format, resolveConfig } from 'prettier';
import type { Generator } from './generators.ts';

/** The text of a generated file as committed, at this path: formatted, but for pictures, of which prettier knows nothing. */
export async function generatedText({ text }: Pick<Generator, 'text'>, path: string): Promise<string> {
  return path.endsWith('.svg') ? text() : format(text(), { ...(await resolveConfig(path)), filepath: path });
}
