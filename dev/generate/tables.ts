import type { TSchema } from '@sinclair/typebox';

/** One row for each leaf of a schema; `[]` marks the elements of a list. */
export function schemaRows(path: string, schema: TSchema): string[][] {
  if (schema['type'] === 'object' && schema['properties'] !== undefined) {
    const properties = Object.entries(schema['properties'] as Record<string, TSchema>);
    return properties.flatMap(([name, inner]) => schemaRows(path === '' ? name : `${path}.${name}`, inner));
  }
  if (schema['type'] !== 'array') return [[`\`${path}\``, typeText(schema), schema.description ?? '']];
  const items = schemaRows(`${path}[]`, schema['items'] as TSchema);
  return [[`\`${path}\``, `list of at most ${String(schema['maxItems'])}`, schema.description ?? ''], ...items];
}

function typeText(schema: TSchema): string {
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => `\`${String(value)}\``).join(', ');
  if (schema['type'] === 'object') return 'texts by name';
  if (schema['type'] !== 'integer' || schema['minimum'] === undefined) return String(schema['type']);
  return `whole number, ${String(schema['minimum'])} to ${String(schema['maximum'])}`;
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
