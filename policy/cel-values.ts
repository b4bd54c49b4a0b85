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

export const NOTHING: Extent = { items: 0, text: 0, size: 0 };

/** The extent of two values together. */
export function together(a: Extent, b: Extent): Extent {
  return { items: Math.max(a.items, b.items), text: Math.max(a.text, b.text), size: a.size + b.size };
}

/** JSON to CEL: whole numbers become int (a JavaScript number would be a double, and `%` undefined for it), the rest stays itself. */
export function toCel(json: unknown): CelValue {
  if (typeof json === 'string') return { value: json, extent: { items: 0, text: json.length, size: json.length + 1 } };
  if (typeof json === 'number' && Number.isSafeInteger(json)) return leaf(BigInt(json));
  if (Array.isArray(json)) return listToCel(json);
  if (typeof json === 'object' && json !== null) return mapToCel(json);
  return leaf(json ?? null);
}

function leaf(value: unknown): CelValue {
  return { value, extent: { items: 0, text: 0, size: 1 } };
}

function listToCel(list: readonly unknown[]): CelValue {
  let extent: Extent = { items: list.length, text: 0, size: 1 };
  const value = list.map((entry) => {
    const inner = toCel(entry);
    extent = together(extent, inner.extent);
    return inner.value;
  });
  return { value, extent };
}

/** `fromEntries` defines keys, so `__proto__` is one too. Absent and undefined are the same. */
function mapToCel(map: object): CelValue {
  const entries = Object.entries(map).filter(([, entry]) => entry !== undefined);
  let extent: Extent = { items: entries.length, text: 0, size: 1 };
  const value = Object.fromEntries(
    entries.map(([key, entry]) => {
      const inner = toCel(entry);
      extent = together(extent, together(inner.extent, { items: 0, text: key.length, size: key.length }));
      return [key, inner.value];
    }),
  );
  return { value, extent };
}
