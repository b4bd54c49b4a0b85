import type { KubeClient, Query } from './client.ts';
import { KubeError, isGone } from './errors.ts';
import type { KubeList, KubeObject } from './objects.ts';

/** Of pods, half a MiB of JSON, and several times that while it is read; what malloc once took for 500 stays with the process. */
const PAGE_LIMIT = 100;

/** Takes a list in. */
export interface ListTaker {
  add(objects: readonly KubeObject[]): void;
  /** What came so far is not part of it after all. */
  restart(): void;
}

/**
 * Lists a collection in pages of 100, which are handed on one by one: thousands of whole objects at once would be hundreds of MiB. Returns
 * the version of the list. A continue token that expired on the way (410: etcd compacted its version) means starting over without pages:
 * one large answer is better than never finishing.
 */
export async function listAll(
  client: KubeClient,
  at: { readonly path: string; readonly query: Query },
  taker: ListTaker,
  signal: AbortSignal,
): Promise<string> {
  const { path, query } = at;
  let token: string | undefined;
  do {
    const page = await getPage(client, path, { ...query, limit: PAGE_LIMIT, continue: token }).catch((error: unknown) => {
      if (token !== undefined && isGone(error)) return undefined;
      throw error;
    });
    if (signal.aborted) throw new KubeError(0, 'Aborted', 'stopped');
    const whole = page ?? (await getPage(client, path, query));
    if (page === undefined) taker.restart();
    taker.add(itemsOf(whole));
    token = whole.metadata.continue;
    if (token === undefined || token === '') return versionOf(whole, path);
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- ends by return
  } while (true);
}

type Page = KubeList & { readonly kind?: string; readonly apiVersion?: string };

async function getPage(client: KubeClient, path: string, query: Query): Promise<Page> {
  const page = await client.get<Partial<Page>>(path, query);
  if (page.metadata === undefined || page.items === undefined)
    throw new KubeError(0, 'BadAnswer', `${path}: the answer is not a list`);
  return page as Page;
}

/** Items of a list lack the kind that the same objects have in a watch. */
function itemsOf(page: Page): KubeObject[] {
  const { apiVersion } = page;
  const kind = page.kind?.replace(/List$/, '');
  return (page.items ?? []).map((item) => ({
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind }),
    ...item,
  }));
}

function versionOf(page: Page, path: string): string {
  const version = page.metadata.resourceVersion;
  if (version === undefined || version === '') throw new KubeError(0, 'BadAnswer', `${path}: the list has no resourceVersion`);
  return version;
}
