import { X509Certificate, createPrivateKey } from 'node:crypto';
import { messageOf } from '../runtime/errors.ts';
import { SECRET_KEYS, splitCertificates, validity } from './bundle.ts';
import type { ValidityFacts } from './bundle.ts';

/** A certificate that somebody else issues, as kubernetes.io/tls and cert-manager write it. All PEM. */
export interface ExternalPair {
  /** Authorities a client has to trust. */
  readonly trust: string;
  /** The leaf, and its intermediates behind it. */
  readonly chain: string;
  readonly key: string;
  readonly leaf: ValidityFacts;
  readonly authority: ValidityFacts;
}

export type ExternalInspection =
  { readonly ok: true; readonly pair: ExternalPair } | { readonly ok: false; readonly reason: string };

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** Reads a Secret's `data` and checks that it can serve `dnsNames`. Never throws. */
export function inspectExternal(
  data: Readonly<Record<string, string>> | undefined,
  dnsNames: readonly string[],
): ExternalInspection {
  const text = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
  const [authorities, chain, key] = [text(SECRET_KEYS.authorities), text(SECRET_KEYS.leafCert), text(SECRET_KEYS.leafKey)];
  const trust = splitCertificates(authorities);
  const [leafPem, ...intermediates] = splitCertificates(chain);
  if (trust.length === 0) return bad(`key ${SECRET_KEYS.authorities} holds no certificate: choose an issuer that fills it`);
  if (leafPem === undefined) return bad(`key ${SECRET_KEYS.leafCert} holds no certificate`);
  if (key === '') return bad(`key ${SECRET_KEYS.leafKey} is missing or empty`);
  try {
    const leaf = new X509Certificate(leafPem);
    const issuers = [...trust, ...intermediates].map((pem) => new X509Certificate(pem));
    const reason = refusal(leaf, key, issuers) || missingName(leaf, dnsNames);
    if (reason !== '') return bad(reason);
    const authority = validity(issuers[0] ?? leaf);
    return { ok: true, pair: { trust: trust.join(''), chain, key, leaf: validity(leaf), authority } };
  } catch (error) {
    return bad(`cannot be read: ${messageOf(error)}`);
  }
}

function refusal(leaf: X509Certificate, key: string, issuers: readonly X509Certificate[]): string {
  const { leafCert, leafKey, authorities } = SECRET_KEYS;
  if (!leaf.checkPrivateKey(createPrivateKey(key))) return `${leafKey} does not belong to ${leafCert}`;
  if (!issuers.some((issuer) => leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey)))
    return `nothing in ${authorities} signed ${leafCert}`;
  // Without the extension a certificate is good for everything.
  const usages = (leaf.keyUsage as readonly string[] | undefined) ?? [SERVER_AUTH];
  return usages.includes(SERVER_AUTH) ? '' : `${leafCert} is not for servers: its usages must hold "server auth"`;
}

function missingName(leaf: X509Certificate, dnsNames: readonly string[]): string {
  const missing = dnsNames.filter((name) => leaf.checkHost(name) === undefined);
  return missing.length === 0 ? '' : `${SECRET_KEYS.leafCert} is not valid for ${missing.join(', ')}`;
}

function bad(reason: string): ExternalInspection {
  return { ok: false, reason };
}
