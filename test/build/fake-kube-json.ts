import jsonpatch, { type Operation } from 'fast-json-patch';
import type { KubePatch, Query } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import { isRecord } from '../../runtime/record.ts';

/** Metadata as the fake reads it. */
export interface FakeMeta {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  creationTimestamp?: string;
  labels?: Record<string, string>;
}

/** An object of the fake API server. */
export interface Json {
  metadata: FakeMeta;
  [field: string]: unknown;
}

type Fields = Record<string, unknown>;

const fieldOf = (object: Json, path: string): unknown =>
  path.split('.').reduce<unknown>((at, part) => (isRecord(at) ? at[part] : undefined), object);

function termMatches(term: string, read: (name: string) => unknown): boolean {
  const [, name = '', operator = '', value = ''] = /^([^=!]+)(?:(!=|==|=)(.*))?$/.exec(term) ?? [];
  const found = read(name);
  if (operator === '') return found !== undefined;
  return operator === '!=' ? (found ?? '') !== value : (found ?? '') === value;
}

/** Label and field selectors: `a=b`, `a!=b`, `a`. */
export function matches(object: Json | undefined, query: Query): boolean {
  if (object === undefined) return false;
  const terms = (text: unknown): string[] => (typeof text === 'string' ? text.split(',').filter((term) => term !== '') : []);
  return (
    terms(query['labelSelector']).every((term) => termMatches(term, (name) => object.metadata.labels?.[name])) &&
    terms(query['fieldSelector']).every((term) => termMatches(term, (name) => fieldOf(object, name)))
  );
}

function mergeInto(target: unknown, patch: unknown, strategic: boolean): unknown {
  if (!isRecord(patch)) return patch;
  const result: Fields = isRecord(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, name);
    else
      result[name] =
        strategic && name === 'conditions' ? mergeConditions(result[name], value) : mergeInto(result[name], value, strategic);
  }
  return result;
}

/** The one list that strategic merge and apply of this product touch; the real server merges it by `type` too. */
function mergeConditions(target: unknown, patch: unknown): Fields[] {
  const byType = new Map<unknown, Fields>();
  for (const condition of [target, patch].flat().filter(isRecord)) {
    byType.set(condition['type'], { ...byType.get(condition['type']), ...condition });
  }
  return [...byType.values()];
}

/** The object after a patch. */
export function patched(object: Json, { type, body }: KubePatch): Json {
  if (type !== 'json') return mergeInto(object, body, type !== 'merge') as Json;
  try {
    return jsonpatch.applyPatch(structuredClone(object), body as Operation[], true).newDocument;
  } catch (error) {
    throw new KubeError(422, 'Invalid', String(error));
  }
}
