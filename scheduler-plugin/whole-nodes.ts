import { isRecord } from '../runtime/record.ts';
import type { NodeObject } from './protocol.ts';

/** Nodes of requests that hold them whole. */
export interface WholeNodes {
  /** Of a list of JSON objects without its brackets; undefined = it is anything else. Of each node the name alone is told. */
  readonly read: (items: Buffer) => readonly NodeObject[] | undefined;
  /** The JSON of a node that was read, as it was sent. */
  readonly bytesOf: (node: NodeObject) => Buffer | undefined;
}

interface Sent {
  readonly node: NodeObject;
  /** A copy: a part of the request would keep all of it in memory. */
  readonly bytes: Buffer;
}

/** How Go writes a Node: name first, as ObjectMeta has it. Where this is in a node besides, JSON.parse says that what is before it is no object. */
const NODE = '{"metadata":{"name":"';
const NEXT = `,${NODE}`;
const QUOTE = 0x22;
const COMMA = 0x2c;

/**
 * {@link WholeNodes} that are remembered by their bytes, `mostBytes` of them: a node is about 20 kB of JSON, and the same in every request until it changes.
 * Bytes that are a whole JSON object are one wherever they stand, and no part of a longer one, so what equals them need not be read to be known, nor to find
 * its end. Everything else is read by JSON.parse.
 */
export function createWholeNodes(mostBytes: number): WholeNodes {
  const known = createKnown(mostBytes);
  const sent = new WeakMap<NodeObject, Buffer>();
  const fresh = (items: Buffer, at: number): Sent | undefined => {
    const next = items.indexOf(NEXT, at + 1);
    const bytes = Buffer.from(items.subarray(at, next < 0 ? items.length : next));
    const node = named(bytes);
    if (node === undefined) return undefined;
    sent.set(node, bytes);
    return { node, bytes };
  };
  const nodeAt = (items: Buffer, at: number): Sent | undefined => {
    const hint = hintAt(items, at);
    const same = known.get(hint);
    if (same !== undefined && isAt(same.bytes, items, at)) return same;
    const one = fresh(items, at);
    if (one !== undefined) known.set(hint, one);
    return one;
  };
  return {
    read: (items) => {
      const nodes: NodeObject[] = [];
      for (let at = 0; at < items.length;) {
        const one = nodeAt(items, at);
        if (one === undefined) return undefined;
        nodes.push(one.node);
        at += one.bytes.length;
        if (at === items.length) break;
        // After the last comma there must be another.
        if (items[at] !== COMMA || ++at === items.length) return undefined;
      }
      return nodes;
    },
    bytesOf: (node) => sent.get(node),
  };
}

/** What is probably its name: a key to find it by, no more. */
function hintAt(items: Buffer, at: number): string {
  const from = at + NODE.length;
  return items.toString('latin1', from, items.indexOf(QUOTE, from));
}

function isAt(bytes: Buffer, items: Buffer, at: number): boolean {
  return at + bytes.length <= items.length && items.compare(bytes, 0, bytes.length, at, at + bytes.length) === 0;
}

/** An object with a name, and nothing else of it; undefined = it is none. */
function named(bytes: Buffer): NodeObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (!isRecord(value) || !isRecord(value.metadata)) return undefined;
    const { name } = value.metadata;
    return typeof name === 'string' ? { metadata: { name } } : undefined;
  } catch {
    return undefined;
  }
}

interface Known {
  get(hint: string): Sent | undefined;
  set(hint: string, one: Sent): void;
}

function createKnown(mostBytes: number): Known {
  const nodes = new Map<string, Sent>();
  let bytes = 0;
  return {
    get: (hint) => nodes.get(hint),
    set: (hint, one) => {
      bytes += one.bytes.length - (nodes.get(hint)?.bytes.length ?? 0);
      if (bytes > mostBytes) {
        nodes.clear();
        bytes = one.bytes.length;
      }
      nodes.set(hint, one);
    },
  };
}
