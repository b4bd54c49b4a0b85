import { createWholeNodes, type WholeNodes } from './whole-nodes.ts';

/** Reads the body of a request as JSON; throws SyntaxError. */
export type BodyReader = (body: Buffer) => unknown;

/** What Go's encoder puts after the pod in ExtenderArgs: fields in the order of the type. Of a scheduler that caches nodes: */
const NAMES = ',"Nodes":null,"NodeNames":[';
const NAMES_END = /^\]\}\n?$/;
/** Of one that does not, and sends them whole: */
const NODES = ',"Nodes":{"metadata":{},"items":[';
const NODES_END = /\]\},"NodeNames":null\}\n?$/;
const FIRST = ',"Nodes":';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const CLOSING = 0x5d;

/** Reads bodies, and knows the bytes of the names it read last, and of nodes. */
export interface Bodies {
  readonly read: BodyReader;
  /** As JSON, without brackets: `"a","b"`, all ASCII and without escapes. undefined = it is not the list read last, or came in another form. Valid until the next body is read. */
  readonly bytesOf: (names: readonly string[]) => Buffer | undefined;
  /** The JSON of a node of a request, as it was sent; undefined = it came in another form. */
  readonly nodeBytesOf: WholeNodes['bytesOf'];
}

/**
 * {@link Bodies} that keep names: thousands of new strings with each request would be most of the garbage, and each would have to be
 * hashed to be looked up. A scheduler asks prioritize for what filter has passed, so the bytes of the list are often those of the request before;
 * then it is the same list object. A body of any other form is read as JSON.parse reads it. Of whole nodes only the names are read; `mostBytes` of
 * them are remembered. Nothing of a body is needed when it was read.
 */
export function createBodies(mostBytes: number): Bodies {
  const nodes = createWholeNodes(mostBytes);
  const list = createNameList();
  const read: BodyReader = (body) => readGo(body, list.read, nodes.read) ?? (JSON.parse(body.toString()) as unknown);
  return { read, bytesOf: list.bytesOf, nodeBytesOf: nodes.bytesOf };
}

/** ExtenderArgs in the form that Go writes; undefined = another form. */
function readGo(body: Buffer, readNames: NameList['read'], readNodes: WholeNodes['read']): object | undefined {
  const at = body.indexOf(FIRST);
  const pod = at < 0 ? undefined : parsed(`${body.toString('utf8', 0, at)}}`);
  if (pod === undefined) return undefined;
  if (isAt(NAMES, body, at, at + NAMES.length)) {
    const names = readNames(body.subarray(at + NAMES.length));
    return names && { ...pod, Nodes: null, NodeNames: names };
  }
  const end = NODES_END.exec(body.toString('latin1', body.length - LONGEST_END));
  if (end === null || !isAt(NODES, body, at, at + NODES.length)) return undefined;
  const items = readNodes(body.subarray(at + NODES.length, body.length - end[0].length));
  return items && { ...pod, Nodes: { metadata: {}, items }, NodeNames: null };
}

const LONGEST_END = ']},"NodeNames":null}\n'.length;

/** The list of names read last. */
interface NameList {
  /** Of `"a","b"]}`, which is the end of a body; undefined when it is anything else, such as names with a backslash. */
  readonly read: (bytes: Buffer) => readonly string[] | undefined;
  readonly bytesOf: Bodies['bytesOf'];
}

function createNameList(): NameList {
  const nameAt = createNames();
  let memory = Buffer.alloc(0);
  let last: { readonly bytes: Buffer; readonly names: readonly string[] } = { bytes: memory, names: [] };
  return {
    read: (bytes) => {
      if (last.bytes.equals(bytes)) return last.names;
      const names = namesIn(bytes, nameAt, last.names.length);
      if (names === undefined) return undefined;
      // Each list in the place of the one before.
      if (memory.length < bytes.length) memory = Buffer.allocUnsafeSlow(2 * bytes.length);
      bytes.copy(memory);
      last = { bytes: memory.subarray(0, bytes.length), names };
      return names;
    },
    bytesOf: (names) =>
      names === last.names && names.length > 0 ? last.bytes.subarray(0, last.bytes.lastIndexOf(CLOSING)) : undefined,
  };
}

/** The object that a text is, if it is one. */
function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** As {@link NameList.read}. `expected`: about how many there are, so that the list need not grow. */
function namesIn(bytes: Buffer, nameAt: NameReader, expected: number): readonly string[] | undefined {
  const names = new Array<string>(expected);
  let count = 0;
  let before: Name | undefined;
  for (let at = 0; bytes[at] === QUOTE;) {
    const one = expectedAt(before?.next, bytes, at + 1) ?? nameAt(bytes, at + 1);
    if (one === undefined || count === MAX_NAMES) return undefined;
    if (before !== undefined) before.next = one;
    before = one;
    names[count++] = one.text;
    at += one.text.length + 2;
    if (bytes[at] === COMMA) {
      at += 1;
      continue;
    }
    names.length = count;
    return NAMES_END.test(bytes.toString('latin1', at, at + 4)) ? names : undefined;
  }
  return undefined;
}

/** A name that was read. */
interface Name {
  readonly text: string;
  /** The one that came after it last: the scheduler looks at nodes in runs, so it mostly comes after it again. */
  next: Name | undefined;
}

/** The plain name that begins there and ends before a quote. */
type NameReader = (bytes: Buffer, from: number) => Name | undefined;

/** More names than a cluster has nodes: a longer list is not kept, and with more of them in all it begins anew. */
const MAX_NAMES = 20_000;

function createNames(): NameReader {
  const known = new Map<number, Name>();
  return (bytes, from) => {
    // FNV-1a, to find the name; that it is the same is seen below.
    let hash = 0x811c9dc5;
    let to = from;
    for (let byte = bytes[to]; byte !== QUOTE; byte = bytes[++to]) {
      if (byte === undefined || byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return undefined;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    const name = known.get(hash);
    if (name !== undefined && isAt(name.text, bytes, from, to)) return name;
    if (known.size >= MAX_NAMES) known.clear();
    const fresh: Name = { text: bytes.toString('latin1', from, to), next: undefined };
    known.set(hash, fresh);
    return fresh;
  };
}

/** The name, if it stands there up to its quote: a plain name has none within. */
function expectedAt(name: Name | undefined, bytes: Buffer, from: number): Name | undefined {
  if (name === undefined) return undefined;
  const to = from + name.text.length;
  return bytes[to] === QUOTE && isAt(name.text, bytes, from, to) ? name : undefined;
}

function isAt(name: string, bytes: Buffer, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) !== bytes[from + at]) return false;
  return true;
}
