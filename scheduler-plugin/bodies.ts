/** Reads the body of a request as JSON; throws SyntaxError. */
export type BodyReader = (body: Buffer) => unknown;

/** What Go's encoder puts after the pod in ExtenderArgs of a scheduler that caches nodes: fields in the order of the type. */
const TAIL = ',"Nodes":null,"NodeNames":[';
const END = /^\]\}\n?$/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const CLOSING = 0x5d;

/** Reads bodies, and knows the bytes of the names it read last. */
export interface Bodies {
  readonly read: BodyReader;
  /** As JSON, without brackets: `"a","b"`, all ASCII and without escapes. undefined = it is not the list read last, or came in another form. */
  readonly bytesOf: (names: readonly string[]) => Buffer | undefined;
}

/**
 * {@link Bodies} that keep names: thousands of new strings with each request would be most of the garbage, and each would have to be
 * hashed to be looked up. A scheduler asks prioritize for what filter has passed, so the bytes of the list are often those of the request before;
 * then it is the same list object. A body of any other form is read as JSON.parse reads it.
 */
export function createBodies(): Bodies {
  const nameAt = createNames();
  let last: { readonly bytes: Buffer; readonly names: readonly string[] } = { bytes: Buffer.alloc(0), names: [] };
  const read: BodyReader = (body) => {
    const at = body.indexOf(TAIL);
    const pod = at < 0 ? undefined : parsed(`${body.toString('utf8', 0, at)}}`);
    if (pod === undefined) return JSON.parse(body.toString()) as unknown;
    const bytes = body.subarray(at + TAIL.length);
    if (!last.bytes.equals(bytes)) {
      const names = namesIn(bytes, nameAt, last.names.length);
      if (names === undefined) return JSON.parse(body.toString()) as unknown;
      // The pod's bytes are kept with them, a few kB.
      last = { bytes, names };
    }
    return { ...pod, Nodes: null, NodeNames: last.names };
  };
  const bytesOf: Bodies['bytesOf'] = (names) =>
    names === last.names && names.length > 0 ? last.bytes.subarray(0, last.bytes.lastIndexOf(CLOSING)) : undefined;
  return { read, bytesOf };
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

/**
 * The names of `"a","b"]}`, which is the end of a body; undefined when it is anything else, such as names with a backslash. `expected`: about how
 * many there are, so that the list need not grow.
 */
function namesIn(bytes: Buffer, nameAt: NameReader, expected: number): readonly string[] | undefined {
  const names = new Array<string>(expected);
  let count = 0;
  for (let at = 0; bytes[at] === QUOTE;) {
    const name = nameAt(bytes, at + 1);
    if (name === undefined) return undefined;
    names[count++] = name;
    at += name.length + 2;
    if (bytes[at] === COMMA) {
      at += 1;
      continue;
    }
    names.length = count;
    return END.test(bytes.toString('latin1', at, at + 4)) ? names : undefined;
  }
  return undefined;
}

/** The plain name that begins there and ends before a quote. */
type NameReader = (bytes: Buffer, from: number) => string | undefined;

/** More names than a cluster has nodes; then it begins anew. */
const MAX_NAMES = 20_000;

function createNames(): NameReader {
  const known = new Map<number, string>();
  return (bytes, from) => {
    // FNV-1a, to find the name; that it is the same is seen below.
    let hash = 0x811c9dc5;
    let to = from;
    for (let byte = bytes[to]; byte !== QUOTE; byte = bytes[++to]) {
      if (byte === undefined || byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return undefined;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    const name = known.get(hash);
    if (name !== undefined && isAt(name, bytes, from, to)) return name;
    if (known.size >= MAX_NAMES) known.clear();
    const fresh = bytes.toString('latin1', from, to);
    known.set(hash, fresh);
    return fresh;
  };
}

function isAt(name: string, bytes: Buffer, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) !== bytes[from + at]) return false;
  return true;
}
