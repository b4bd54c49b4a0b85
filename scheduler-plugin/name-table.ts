/** No number: what a name has that is not in the table. */
export const NONE = -1;

/**
 * Finds names by the bytes they stand in. All there is of them lies in a few typed arrays: a request has thousands, and to follow as many strings to wherever
 * the heap has them would take most of its time.
 */
export interface NameTable {
  /** Gives a name its number: small, whole, and nobody else's. */
  put(number: number, name: string): void;
  drop(number: number): void;
  /** The name of that number. */
  name(number: number): string | undefined;
  /** The number of the name that stands there, from `from` to before `to`; {@link NONE} = not known. */
  at(bytes: DataView, from: number, to: number): number;
}

/** By number, but for `text` and `heads`. */
interface Arrays {
  /** The bytes of all names, and of some that are no more. */
  readonly text: DataView;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly hashes: Int32Array;
  /** By the last bits of the hash, the first number; then, by number, the next of the same bits. */
  readonly heads: Int32Array;
  readonly nexts: Int32Array;
  used: number;
}

const LEAST = { numbers: 256, bytes: 8192 };

/** An empty {@link NameTable}. Names are ASCII. */
export function createNameTable(): NameTable {
  const names: (string | undefined)[] = [];
  let arrays = arraysOf(names);
  return {
    put: (number, name) => {
      names[number] = name;
      const hasRoom = number < arrays.nexts.length && arrays.used + name.length <= arrays.text.byteLength;
      if (hasRoom) put(arrays, number, name);
      else arrays = arraysOf(names);
    },
    drop: (number) => {
      if (names[number] !== undefined) unlink(arrays, number);
      names[number] = undefined;
    },
    name: (number) => names[number],
    at: (bytes, from, to) => {
      const { heads, nexts, hashes, lengths } = arrays;
      const hash = hashOf(bytes, from, to);
      let number = heads[hash & (heads.length - 1)] ?? NONE;
      while (number !== NONE && !(hashes[number] === hash && lengths[number] === to - from && isAt(arrays, number, bytes, from)))
        number = nexts[number] ?? NONE;
      return number;
    },
  };
}

/** Arrays with these names, and room for as many again. */
function arraysOf(names: readonly (string | undefined)[]): Arrays {
  const numbers = Math.max(LEAST.numbers, 2 * names.length);
  const bytes = names.reduce((sum, name) => sum + (name?.length ?? 0), 0);
  const arrays: Arrays = {
    text: new DataView(new ArrayBuffer(Math.max(LEAST.bytes, 2 * bytes))),
    starts: new Int32Array(numbers),
    lengths: new Int32Array(numbers),
    hashes: new Int32Array(numbers),
    heads: new Int32Array(2 ** Math.ceil(Math.log2(numbers))).fill(NONE),
    nexts: new Int32Array(numbers),
    used: 0,
  };
  names.forEach((name, number) => {
    if (name !== undefined) put(arrays, number, name);
  });
  return arrays;
}

function put(arrays: Arrays, number: number, name: string): void {
  const { text, starts, lengths, hashes, heads, nexts } = arrays;
  const start = arrays.used;
  for (let index = 0; index < name.length; index++) text.setUint8(arrays.used++, name.charCodeAt(index));
  const hash = hashOf(text, start, arrays.used);
  starts[number] = start;
  lengths[number] = name.length;
  hashes[number] = hash;
  const slot = hash & (heads.length - 1);
  nexts[number] = heads[slot] ?? NONE;
  heads[slot] = number;
}

function unlink({ hashes, heads, nexts }: Arrays, number: number): void {
  const slot = (hashes[number] ?? 0) & (heads.length - 1);
  const next = nexts[number] ?? NONE;
  if (heads[slot] === number) {
    heads[slot] = next;
    return;
  }
  let before = heads[slot] ?? NONE;
  while (before !== NONE && nexts[before] !== number) before = nexts[before] ?? NONE;
  if (before !== NONE) nexts[before] = next;
}

/** Four bytes at a time, as FNV-1a has one. What is equal has the same; what has the same may differ. */
export function hashOf(bytes: DataView, from: number, to: number): number {
  let hash = to - from;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    hash = Math.imul(hash ^ bytes.getInt32(at, true), 0x01000193);
    hash ^= hash >>> 15;
  }
  for (; at < to; at++) hash = Math.imul(hash ^ bytes.getUint8(at), 0x01000193);
  return hash ^ (hash >>> 16);
}

/** Whether the name stands there; whether it ends there, the caller has seen. */
function isAt({ text, starts, lengths }: Arrays, number: number, bytes: DataView, from: number): boolean {
  const apart = (starts[number] ?? 0) - from;
  const to = from + (lengths[number] ?? 0);
  let at = from;
  for (; at + 4 <= to; at += 4) if (bytes.getInt32(at, true) !== text.getInt32(at + apart, true)) return false;
  for (; at < to; at++) if (bytes.getUint8(at) !== text.getUint8(at + apart)) return false;
  return true;
}
