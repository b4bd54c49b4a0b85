import { KubeError } from './errors.ts';

const NEWLINE = 0x0a;

/**
 * Splits a byte stream at newlines. A line longer than `maxBytes`, and bytes after the last newline (the connection was cut in
 * the middle of a line), are errors: half a line must never be taken for a whole one.
 */
export async function* lines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      if (size + end > maxBytes) throw tooLong(maxBytes);
      const line = Buffer.concat([...pending, rest.subarray(0, end)]).toString('utf8');
      pending = [];
      size = 0;
      rest = rest.subarray(end + 1);
      if (line.trim() !== '') yield line;
    }
    size += rest.length;
    if (size > maxBytes) throw tooLong(maxBytes);
    if (rest.length > 0) pending.push(rest);
  }
  if (size > 0) throw new KubeError(0, 'Unreachable', 'the watch was cut in the middle of an event');
}

const tooLong = (maxBytes: number): KubeError => new KubeError(0, 'TooLarge', `a watch event is larger than ${maxBytes} bytes`);

/** A whole body as text; larger than `maxBytes` is an error. */
export async function wholeText(chunks: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw new KubeError(0, 'TooLarge', `the answer is larger than ${maxBytes} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString('utf8');
}
