import { takeMemory } from './memory.ts';
import type { FilterReply } from './protocol.ts';

/**
 * Replies that repeat the names or nodes of a request, made by copying their bytes (`list`, see {@link Bodies.bytesOf}): as objects and as text they would be
 * most of what a request leaves to the garbage collector. Their memory is to be given back.
 */

/** The reply to filter that passes all names of the list. */
export function filterBytes(reply: FilterReply, list: Buffer): Buffer {
  const rest = JSON.stringify({ ...reply, NodeNames: undefined });
  return joined([Buffer.from('{"NodeNames":['), list, Buffer.from(`],${rest.slice(1)}`)]);
}

/** The reply to filter that passes these whole nodes. */
export function filterNodesBytes(reply: FilterReply, nodes: readonly Buffer[]): Buffer {
  const rest = JSON.stringify({ ...reply, Nodes: undefined });
  const items = nodes.flatMap((node, index) => (index === 0 ? [node] : [BETWEEN, node]));
  return joined([Buffer.from('{"Nodes":{"items":['), ...items, Buffer.from(`]},${rest.slice(1)}`)]);
}

const BETWEEN = Buffer.from(',');

function joined(parts: readonly Buffer[]): Buffer {
  const bytes = takeMemory(parts.reduce((sum, { length }) => sum + length, 0));
  let to = 0;
  for (const part of parts) to += part.copy(bytes, to);
  return bytes;
}

/** HostPriorityList of the names of the list; totals are integers 0..10. */
export function priorityBytes(names: readonly string[], totals: Uint8Array, list: Buffer): Buffer {
  const bytes = takeMemory(priorityLength(names.length, totals, list));
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
  return bytes;
}

const HOST = '{"Host":';
const SCORES = Array.from({ length: 11 }, (_, score) => `,"Score":${score}},`);

/** The commas of the list are counted with the scores; the last one has none in the list, and becomes a bracket. */
function priorityLength(count: number, totals: Uint8Array, list: Buffer): number {
  const scores = totals.reduce((sum, total) => sum + (SCORES[total]?.length ?? 0), 0);
  return 1 + list.length - (count - 1) + count * HOST.length + scores;
}

/** Writes ASCII; where it ends. */
function put(bytes: Buffer, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
  return at + text.length;
}
