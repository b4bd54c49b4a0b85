import { isRecord } from '../../runtime/record.ts';

/** An object that is kept as it was installed: raw JSON, of which only `spec` counts. */
export interface KeptObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What to do about one kept object. `replace` carries the version it replaces; `fields` are those of `spec` that were changed. */
export type RestoreAction =
  | { readonly kind: 'none' }
  | { readonly kind: 'create'; readonly body: KeptObject }
  | { readonly kind: 'replace'; readonly body: KeptObject; readonly fields: readonly string[] };

/** Compares what the API server has with what was installed. Labels, annotations and owners are anybody's. Pure. */
export function nextRestoreAction(actual: KeptObject | undefined, desired: KeptObject): RestoreAction {
  if (actual === undefined) return { kind: 'create', body: desired };
  const names = new Set([...Object.keys(desired.spec), ...Object.keys(actual.spec)]);
  const fields = [...names].filter((name) => !isKept(actual.spec[name], desired.spec[name]));
  if (fields.length === 0) return { kind: 'none' };
  return { kind: 'replace', body: { ...desired, metadata: { ...actual.metadata, name: desired.metadata.name } }, fields };
}

/**
 * Whether a value is the installed one, as the API server stores it. It adds empty fields (`namespaceSelector: {}`); anything else that is
 * added may narrow a policy. A newer one that adds a default which is not empty only costs a write that changes nothing.
 */
function isKept(actual: unknown, desired: unknown): boolean {
  if (desired === undefined) return isEmpty(actual);
  if (Array.isArray(desired)) {
    return Array.isArray(actual) && actual.length === desired.length && desired.every((one, index) => isKept(actual[index], one));
  }
  if (!isRecord(desired)) return actual === desired;
  if (!isRecord(actual)) return false;
  return [...new Set([...Object.keys(actual), ...Object.keys(desired)])].every((name) => isKept(actual[name], desired[name]));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.keys(value).length === 0;
}
