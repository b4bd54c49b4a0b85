/** A schema as the API server wants it: closed objects are pruned there, and `additionalProperties: false` may not stand beside `properties`. */
export function structural(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(structural);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(([key, value]) => !(key === 'additionalProperties' && value === false));
  return Object.fromEntries(entries.map(([key, value]) => [key, structural(value)]));
}

/** A column of `kubectl get`. */
export function column(name: string, type: string, jsonPath: string): object {
  return { name, type, jsonPath };
}
