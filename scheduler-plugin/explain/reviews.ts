import { createHash } from 'node:crypto';
import type { KubeClient } from '../../kube/client.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import type { Clock } from '../../runtime/clock.ts';
import { PodvisorError } from '../../runtime/errors.ts';
import { createReviewCache } from './review-cache.ts';

/** Who asks, as the API server sees users (authentication.k8s.io/v1 UserInfo). */
export interface Caller {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What somebody wants to do (authorization.k8s.io/v1 ResourceAttributes). */
export interface Wish {
  readonly verb: 'get';
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Asks the API server who somebody is and what they may do. Both throw KubeError, and PodvisorError('unavailable') when too many ask at once. */
export interface Reviewer {
  /** Whose token it is; undefined = nobody's. */
  whose(token: string): Promise<Caller | undefined>;
  may(caller: Caller, wish: Wish): Promise<boolean>;
}

/** As long as metrics-server remembers: a right that was taken away ends this much later. */
const KEEP_MS = 10_000;
const MOST = 500;
/** Strangers can reach us through a port-forward; what they make us ask the API server has to end somewhere. */
const MOST_AT_ONCE = 10;

interface TokenReview {
  readonly status?: { readonly authenticated?: boolean; readonly user?: Partial<Caller> };
}
interface SubjectAccessReview {
  readonly status?: { readonly allowed?: boolean };
}

/** A {@link Reviewer} by TokenReview and SubjectAccessReview. Of tokens it remembers digests. */
export function createReviewer({ client, clock }: { client: KubeClient; clock: Pick<Clock, 'now'> }): Reviewer {
  const common = { now: () => clock.now(), keepMs: KEEP_MS, most: MOST };
  const callers = createReviewCache<Caller | undefined>(common);
  const rights = createReviewCache<boolean>(common);
  let asking = 0;
  const bounded = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (asking >= MOST_AT_ONCE) throw new PodvisorError('unavailable', 'too many ask at once; try again in a moment');
    asking += 1;
    return ask().finally(() => (asking -= 1));
  };
  return {
    whose: (token) => callers.get(digest(token), () => bounded(() => reviewToken(client, token))),
    may: (caller, wish) => rights.get(JSON.stringify([caller, wish]), () => bounded(() => reviewAccess(client, caller, wish))),
  };
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

async function reviewToken(client: KubeClient, token: string): Promise<Caller | undefined> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
  const { status = {} } = await client.create<TokenReview>(pathOf(KINDS.tokenReviews), body);
  const { username = '', groups = [], uid, extra } = status.user ?? {};
  if (status.authenticated !== true || username === '') return undefined;
  return { username, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
}

async function reviewAccess(client: KubeClient, { username: user, ...caller }: Caller, wish: Wish): Promise<boolean> {
  const spec = { user, ...caller, resourceAttributes: wish };
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  const { status } = await client.create<SubjectAccessReview>(pathOf(KINDS.subjectAccessReviews), body);
  return status?.allowed === true;
}
