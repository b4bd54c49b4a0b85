/** What bounds the work of a rule: the largest list or map, the longest text, and everything together (values and characters). */
export interface Extent {
  readonly items: number;
  readonly text: number;
  readonly size: number;
}

/** A JSON value as CEL sees it, and its extent. */
export interface CelValue {
  readonly value: unknown;
  readonly extent: Extent;
}

/** {@link together} in place. */
export function add(sum: Growing, { items, text, size }: Extent): void {
  if (items > sum.items) sum.items = items;
  if (text > sum.text) sum.text = text;
  sum.size += size;
}

/** The extent of two values together. */
export function together(a: Extent, b: Extent): Extent {
  return { items: Math.max(a.items, b.items), text: Math.max(a.text, b.text), size: a.size + b.size };
}

/**
 * JSON to CEL: whole numbers become int (a JavaScript number would be a double, and `%` undefined for it), the rest stays itself. Parts
 * without such a number, which is most of a pod, are not copied.
 */
export function toCel(json: unknown): CelValue {
  const extent = { items: 0, text: 0, size: 0 };
  return { value: convert(json, extent), extent };
}

/** An extent being summed up. */
export type Growing = { -readonly [K in keyof Extent]: Extent[K] };

function convert(json: unknown, extent: Growing): unknown {
  extent.size += 1;
  if (typeof json === 'string') {
    grow(extent, 0, json.length);
    return json;
  }
  if (typeof json === 'number' && Number.isSafeInteger(json)) return BigInt(json);
  if (typeof json !== 'object' || json === null) return json ?? null;
  return Array.isArray(json) ? convertList(json, extent) : convertMap(json, extent);
}

/** Takes in a list or map of `items` entries, or a text. */
export function grow(extent: Growing, items: number, text: number): void {
  if (items > extent.items) extent.items = items;
  if (text > extent.text) extent.text = text;
  extent.size += text;
}

function convertList(list: readonly unknown[], extent: Growing): readonly unknown[] {
  grow(extent, list.length, 0);
  let copy: unknown[] | undefined;
  for (let index = 0; index < list.length; index += 1) {
    const value = convert(list[index], extent);
    if (value !== list[index]) (copy ??= [...list])[index] = value;
  }
  return copy ?? list;
}

/** Absent and undefined are the same. A spread copies a key `__proto__` like any other, and an assignment to it then finds it there. */
function convertMap(map: object, extent: Growing): object {
  const fields = map as Readonly<Record<string, unknown>>;
  let copy: Record<string, unknown> | undefined;
  let items = 0;
  let absent = 0;
  // JSON inherits no enumerable key.
  for (const key in fields) {
    const value = fields[key];
    if (value === undefined) {
      absent += 1;
      continue;
    }
    items += 1;
    grow(extent, 0, key.length);
    const converted = convert(value, extent);
    if (converted !== value) (copy ??= { ...fields })[key] = converted;
  }
  grow(extent, items, 0);
  return absent === 0 ? (copy ?? map) : present(copy ?? fields);
}

function present(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
