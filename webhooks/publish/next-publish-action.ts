import { isDeepStrictEqual } from 'node:util';
import type { WebhookConfiguration } from './configurations.ts';

/** What to do about one configuration. `replace` carries the version it replaces; `fields` are those that differ. */
export type PublishAction =
  | { readonly kind: 'none' }
  | { readonly kind: 'create'; readonly body: WebhookConfiguration }
  | { readonly kind: 'replace'; readonly body: WebhookConfiguration; readonly fields: readonly string[] };

/**
 * Compares what the API server has with what it should have. Only the webhooks themselves count; labels, annotations and managed fields
 * are anybody's. A field of a webhook that `desired` does not have is ignored: a newer API server may default one.
 */
export function nextPublishAction(actual: WebhookConfiguration | undefined, desired: WebhookConfiguration): PublishAction {
  if (actual === undefined) return { kind: 'create', body: desired };
  const fields = differences(actual, desired);
  if (fields.length === 0) return { kind: 'none' };
  // The rest of the metadata belongs to others (labels of GitOps tools) and stays.
  return { kind: 'replace', body: { ...desired, metadata: { ...actual.metadata, name: desired.metadata.name } }, fields };
}

/** The one field that we change ourselves, whenever certificates are renewed. */
const TRUST_FIELD = 'clientConfig.caBundle';

/** Whether somebody else must have made these differences. */
export function isForeign(fields: readonly string[]): boolean {
  return fields.some((field) => field !== TRUST_FIELD);
}

function differences(actual: WebhookConfiguration, desired: WebhookConfiguration): readonly string[] {
  const present = actual.webhooks ?? [];
  const wanted = desired.webhooks ?? [];
  if (present.length !== wanted.length) return ['number of webhooks'];
  return wanted.flatMap((webhook, index) => differentFields(present[index] ?? {}, webhook));
}

type Webhook = Readonly<Record<string, unknown>>;

function differentFields(actual: Webhook, desired: Webhook): string[] {
  const fields = Object.keys(desired).filter((field) => !isDeepStrictEqual(actual[field], desired[field]));
  return fields.map((field) => (field === 'clientConfig' && sameAddress(actual[field], desired[field]) ? TRUST_FIELD : field));
}

function sameAddress(actual: unknown, desired: unknown): boolean {
  return isDeepStrictEqual({ ...(actual as object), caBundle: '' }, { ...(desired as object), caBundle: '' });
}
