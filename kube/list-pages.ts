import type { KubeClient, Query } from './client.ts';
import { KubeError, isGone } from './errors.ts';
import type { KubeList, KubeObject } from './objects.ts';

const PAGE_LIMIT = 500;

/** A whole collection as of one version. */
export interface Listing {
  readonly version: string;
  readonly objects: readonly KubeObject[];
}

/**
 * Lists a collection in pages of 500. A continue token that expired on the way (410: etcd compacted its version) means starting
 * over without pages: one large answer is better than never finishing.
 */
export async function listAll(client: KubeClient, path: string, query: Query, signal: AbortSignal): Promise<Listing> {
  const objects: KubeObject[] = [];
  let token: string | undefined;
  do {
    const page = await getPage(client, path, { ...query, limit: PAGE_LIMIT, continue: token }).catch((error: unknown) => {
      if (token !== undefined && isGone(error)) return undefined;
      throw error;
    });
    if (signal.aborted) throw new KubeError(0, 'Aborted', 'stopped');
    if (page === undefined) return listWhole(client, path, query);
    for (const item of itemsOf(page)) objects.push(item);
    token = page.metadata.continue;
    if (token === undefined || token === '') return { version: versionOf(page, path), objects };
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- ends by return
  } while (true);
}

async function listWhole(client: KubeClient, path: string, query: Query): Promise<Listing> {
  const page = await getPage(client, path, query);
  return { version: versionOf(page, path), objects: itemsOf(page) };
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
