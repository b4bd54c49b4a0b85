import { createNameTable, type NameTable, NONE } from './name-table.ts';

/**
 * The nodes that are known by name, each with a small whole number: what is remembered of nodes is found by it, and each name of a request is looked up
 * once, as it is read.
 */
export interface NodeNames {
  /** Makes a name known; its number. */
  add(name: string): number;
  /** The number it had may be another's next. */
  remove(name: string): void;
  /** {@link NONE} = it is not known. */
  of(name: string): number;
  /** Of each name its number, in order. Not looked up when it is the list read last. Valid until the next list, read or asked about. */
  ofAll(names: readonly string[]): Int32Array;
  /** The names of `"a","b"` and where they end; undefined = anything else is there, such as a name with a backslash. */
  read(bytes: Buffer): Names | undefined;
}

/** Names that were read. */
export interface Names {
  readonly names: readonly string[];
  readonly end: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
/** ASCII that JSON has without escapes: its bytes are the name. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** More names than a cluster has nodes: of a longer list nothing is kept. */
const MAX_NAMES = 20_000;

/** No names yet. */
export function createNodeNames(): NodeNames {
  const numbers = new Map<string, number>();
  const free: number[] = [];
  const books: Books = { table: createNameTable(), last: undefined, numbers: new Int32Array(1024), expected: 0 };
  const of = (name: string): number => numbers.get(name) ?? NONE;
  return {
    add: (name) => {
      const before = of(name);
      if (before !== NONE) return before;
      const number = free.pop() ?? numbers.size;
      numbers.set(name, number);
      if (PLAIN.test(name)) books.table.put(number, name);
      books.last = undefined;
      return number;
    },
    remove: (name) => {
      const number = of(name);
      if (number === NONE) return;
      numbers.delete(name);
      books.table.drop(number);
      free.push(number);
      books.last = undefined;
    },
    of,
    ofAll: (names) => {
      if (names.length > MAX_NAMES) return Int32Array.from(names, of);
      if (names !== books.last) {
        for (let index = 0; index < names.length; index++) keep(books, index, of(names[index] ?? ''));
        books.last = names;
      }
      return books.numbers.subarray(0, names.length);
    },
    read: (bytes) => read(books, bytes),
  };
}

interface Books {
  readonly table: NameTable;
  /** The list whose numbers are these. */
  last: readonly string[] | undefined;
  numbers: Int32Array;
  /** How many names the last list had, so that the next need not grow. */
  expected: number;
}

function keep(books: Books, index: number, number: number): void {
  if (index === books.numbers.length) {
    const more = new Int32Array(2 * index);
    more.set(books.numbers);
    books.numbers = more;
  }
  books.numbers[index] = number;
}

function read(books: Books, bytes: Buffer): Names | undefined {
  const { table } = books;
  const names = new Array<string>(books.expected);
  books.last = undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let [from, count] = [1, 0]; bytes[from - 1] === QUOTE && count < MAX_NAMES; from += 2) {
    const to = bytes.indexOf(QUOTE, from);
    const number = to < 0 ? NONE : table.at(view, from, to);
    const name = number === NONE ? plain(bytes, from, to) : table.name(number);
    if (name === undefined) return undefined;
    keep(books, count, number);
    names[count++] = name;
    from = to + 1;
    if (bytes[from] === COMMA) continue;
    names.length = count;
    books.last = names;
    books.expected = count;
    return { names, end: from };
  }
  return undefined;
}

function plain(bytes: Buffer, from: number, to: number): string | undefined {
  if (to < 0) return undefined;
  const name = bytes.toString('latin1', from, to);
  return PLAIN.test(name) ? name : undefined;
}
