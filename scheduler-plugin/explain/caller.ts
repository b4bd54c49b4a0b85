import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket, type DetailedPeerCertificate } from 'node:tls';
import type { Caller, Reviewer } from './reviews.ts';

/** The group the API server adds to everybody it knows (kubernetes: pkg/authentication/group/authenticated_group_adder.go). */
const AUTHENTICATED = 'system:authenticated';

/** Who asks: by client certificate, else by bearer token; undefined = neither is good. `trusted`: PEM of the cluster's client authorities now. */
export async function callerOf(request: IncomingMessage, trusted: string, reviewer: Reviewer): Promise<Caller | undefined> {
  const byCertificate = request.socket instanceof TLSSocket ? certifiedCaller(request.socket, trusted) : undefined;
  if (byCertificate !== undefined) return byCertificate;
  const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  return token === undefined ? undefined : reviewer.whose(token);
}

/**
 * As kube-apiserver reads certificates: common name = user, organizations = groups. The handshake checked the chain against the authorities of
 * its moment, which may be older than `trusted` or, when there were none yet, this pod's own: so its root is looked for again.
 */
function certifiedCaller(socket: TLSSocket, trusted: string): Caller | undefined {
  if (!socket.authorized || trusted === '') return undefined;
  const leaf = socket.getPeerCertificate(true);
  if (!fingerprintsOf(trusted).has(rootOf(leaf).fingerprint256)) return undefined;
  const { CN, O } = leaf.subject as { readonly CN?: string | string[]; readonly O?: string | string[] };
  if (typeof CN !== 'string' || CN === '') return undefined;
  const groups = O === undefined ? [] : typeof O === 'string' ? [O] : O;
  return { username: CN, groups: [...groups, AUTHENTICATED] };
}

/** A chain is rarely longer than three. */
const MOST_LINKS = 10;

function rootOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate {
  let at = leaf;
  for (let links = 0; links < MOST_LINKS; links++) {
    // Node types promise an issuer; a chain that is not whole has none.
    const issuer = at.issuerCertificate as DetailedPeerCertificate | undefined;
    if (issuer === undefined || issuer === at) break;
    at = issuer;
  }
  return at;
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function fingerprintsOf(bundle: string): ReadonlySet<string> {
  return new Set((bundle.match(PEM_BLOCK) ?? []).flatMap((pem) => fingerprintOf(pem)));
}

function fingerprintOf(pem: string): string[] {
  try {
    return [new X509Certificate(pem).fingerprint256];
  } catch {
    // One that cannot be read is one nobody can come with.
    return [];
  }
}
