import type { FilterReply } from './protocol.ts';

/**
 * Replies that repeat the names of a request, made by copying their bytes (`list`, see {@link Bodies.bytesOf}): as objects and as text they would be
 * most of what a request leaves to the garbage collector.
 */

/** The reply to filter that passes all names of the list. */
export function filterBytes(reply: FilterReply, list: Buffer): Buffer {
  const rest = JSON.stringify({ ...reply, NodeNames: undefined });
  return Buffer.concat([Buffer.from('{"NodeNames":['), list, Buffer.from(`],${rest.slice(1)}`)]);
}

/** HostPriorityList of the names of the list; totals are integers 0..10. */
export function priorityBytes(names: readonly string[], totals: readonly number[], list: Buffer): Buffer {
  const bytes = Buffer.allocUnsafeSlow(list.length + names.length * LONGEST + 2);
  let to = put(bytes, 0, '[');
  let from = 0;
  for (let index = 0; index < names.length; index++) {
    to = put(bytes, to, HOST);
    // With its quotes, and past the comma.
    const end = from + (names[index]?.length ?? 0) + 2;
    while (from < end) bytes[to++] = list[from++] ?? 0;
    from += 1;
    to = put(bytes, to, SCORES[totals[index] ?? 0] ?? '');
  }
  // In the place of the last comma.
  put(bytes, to - 1, ']');
  return bytes.subarray(0, to);
}

const HOST = '{"Host":';
const SCORES = Array.from({ length: 11 }, (_, score) => `,"Score":${score}},`);
const LONGEST = HOST.length + Math.max(...SCORES.map(({ length }) => length));

/** Writes ASCII; where it ends. */
function put(bytes: Buffer, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
  return at + text.length;
}
