import jsonPatch from 'fast-json-patch';

/** Fields in which `actual` is not `expected`, as paths that people know from kubectl (`spec.containers[0].image`). */
export function differences(actual: object, expected: object, prefix: string): readonly string[] {
  const paths = jsonPatch.compare(actual, expected).map((operation) => prefix + fieldPath(operation.path));
  return [...new Set(paths)];
}

function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => segment(part))
    .join('')
    .replace(/^\./, '');
}

function segment(part: string): string {
  if (/^\d+$/.test(part)) return `[${part}]`;
  return /^[A-Za-z0-9]+$/.test(part) ? `.${part}` : `[${part}]`;
}
