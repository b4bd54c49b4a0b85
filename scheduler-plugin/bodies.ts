import type { NodeNames } from './node-names.ts';
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
const CLOSING = 0x5d;

/** Reads bodies, and knows the bytes of the names it read last, and of nodes. */
export interface Bodies {
  readonly read: BodyReader;
  /** As JSON, without brackets: `"a","b"`, all ASCII and without escapes. undefined = it is not the list read last, or came in another form. Valid until the next body is read. */
  readonly bytesOf: (names: readonly string[]) => Buffer | undefined;
  /** It is the list read last. */
  readonly areNames: (list: readonly unknown[]) => boolean;
  /** The JSON of a node of a request, as it was sent; undefined = it came in another form. */
  readonly nodeBytesOf: WholeNodes['bytesOf'];
}

/**
 * {@link Bodies} that keep names: thousands of new strings with each request would be most of the garbage. A scheduler asks prioritize about the pod that it has
 * just asked filter about, so the bytes of the pod, and often those of the list, are the ones of the request before; then they are the same objects. A body of any other form is read as JSON.parse reads it. Of whole nodes only the names are read; `mostBytes` of
 * them are remembered. Nothing of a body is needed when it was read.
 */
export function createBodies(mostBytes: number, names: Pick<NodeNames, 'read'>): Bodies {
  const nodes = createWholeNodes(mostBytes);
  const list = createNameList(names);
  const readers = { pod: createPodReader(), names: list.read, nodes: nodes.read };
  const read: BodyReader = (body) => readGo(body, readers) ?? (JSON.parse(body.toString()) as unknown);
  return { read, bytesOf: list.bytesOf, areNames: list.areNames, nodeBytesOf: nodes.bytesOf };
}

/** ExtenderArgs in the form that Go writes; undefined = another form. */
function readGo(body: Buffer, { pod: readPod, names: readNames, nodes: readNodes }: Readers): object | undefined {
  const at = body.indexOf(FIRST);
  const pod = at < 0 ? undefined : readPod(body.subarray(0, at));
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

interface Readers {
  readonly pod: (bytes: Buffer) => object | undefined;
  readonly names: NameList['read'];
  readonly nodes: WholeNodes['read'];
}

/** Reads what comes before names or nodes, `{"Pod":…`; when it is what was read last, its values are the same objects. */
function createPodReader(): Readers['pod'] {
  let last: { readonly bytes: Buffer; readonly value: object | undefined } = { bytes: Buffer.alloc(0), value: undefined };
  return (bytes) => {
    if (last.bytes.equals(bytes)) return last.value;
    const value = parsed(`${bytes.toString()}}`);
    if (bytes.length <= LONGEST_POD) last = { bytes: Buffer.from(bytes), value };
    return value;
  };
}

/** Of bytes; a VM pod is about 10 kB. Of a longer one nothing is kept: what it takes when read may be ten times as much. */
const LONGEST_POD = 65_536;

const LONGEST_END = ']},"NodeNames":null}\n'.length;

/** The list of names read last. */
interface NameList {
  /** Of `"a","b"]}`, which is the end of a body; undefined when it is anything else, such as names with a backslash. */
  readonly read: (bytes: Buffer) => readonly string[] | undefined;
  readonly bytesOf: Bodies['bytesOf'];
  readonly areNames: Bodies['areNames'];
}

function createNameList(known: Pick<NodeNames, 'read'>): NameList {
  let memory = Buffer.alloc(0);
  let last: { readonly bytes: Buffer; readonly names: readonly string[] } = { bytes: memory, names: [] };
  return {
    read: (bytes) => {
      if (last.bytes.equals(bytes)) return last.names;
      const found = known.read(bytes);
      if (found === undefined || !NAMES_END.test(bytes.toString('latin1', found.end, found.end + 4))) return undefined;
      const { names } = found;
      // Each list in the place of the one before.
      if (memory.length < bytes.length) memory = Buffer.allocUnsafeSlow(2 * bytes.length);
      bytes.copy(memory);
      last = { bytes: memory.subarray(0, bytes.length), names };
      return names;
    },
    bytesOf: (names) =>
      names === last.names && names.length > 0 ? last.bytes.subarray(0, last.bytes.lastIndexOf(CLOSING)) : undefined,
    areNames: (names) => names === last.names,
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

function isAt(name: string, bytes: Buffer, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) !== bytes[from + at]) return false;
  return true;
}
