import { isDeepStrictEqual } from 'node:util';
import type { WebhookConfiguration } from './configurations.ts';

/** What to do about one configuration. `replace` carries the version it replaces. */
export type PublishAction =
  | { readonly kind: 'none' }
  | { readonly kind: 'create'; readonly body: WebhookConfiguration }
  | { readonly kind: 'replace'; readonly body: WebhookConfiguration; readonly reason: string };

/**
 * Compares what the API server has with what it should have. Only the webhooks themselves count; labels, annotations and managed fields
 * are anybody's. A field of a webhook that `desired` does not have is ignored: a newer API server may default one.
 */
export function nextPublishAction(actual: WebhookConfiguration | undefined, desired: WebhookConfiguration): PublishAction {
  if (actual === undefined) return { kind: 'create', body: desired };
  const reason = difference(actual, desired);
  if (reason === '') return { kind: 'none' };
  // The rest of the metadata belongs to others (labels of GitOps tools) and stays.
  return { kind: 'replace', body: { ...desired, metadata: { ...actual.metadata, name: desired.metadata.name } }, reason };
}

function difference(actual: WebhookConfiguration, desired: WebhookConfiguration): string {
  const present = actual.webhooks ?? [];
  const wanted = desired.webhooks ?? [];
  if (present.length !== wanted.length) return 'number of webhooks';
  return wanted.flatMap((webhook, index) => differentFields(present[index] ?? {}, webhook)).join(', ');
}

function differentFields(actual: Readonly<Record<string, unknown>>, desired: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(desired).filter((field) => !isDeepStrictEqual(actual[field], desired[field]));
}
