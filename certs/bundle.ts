import { X509Certificate, createPrivateKey } from 'node:crypto';
import { messageOf } from '../runtime/errors.ts';

/** Everything the Secret holds, all PEM. */
export interface CertBundle {
  /** Authorities to trust, the one that signs first. */
  readonly authorities: readonly string[];
  /** Key of the first authority. */
  readonly authorityKey: string;
  readonly leafCert: string;
  readonly leafKey: string;
}

/** Keys of the Secret: `tls.*` as in kubernetes.io/tls, so that usual tools can show it. */
export const SECRET_KEYS = { authorities: 'ca.crt', authorityKey: 'ca.key', leafCert: 'tls.crt', leafKey: 'tls.key' } as const;

/** When a certificate is valid, milliseconds since the epoch. */
export interface ValidityFacts {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What decisions need to know of a bundle. */
export interface CertFacts {
  /** As in the bundle: the one that signs first. */
  readonly authorities: readonly ValidityFacts[];
  readonly leaf: ValidityFacts & {
    /** Index of the authority that signed it, -1 when none of the bundle did. */
    readonly authority: number;
    /** DNS names it is valid for. */
    readonly dnsNames: readonly string[];
  };
}

export type Inspection = { readonly ok: true; readonly facts: CertFacts } | { readonly ok: false; readonly reason: string };

/** The bundle as a Secret's `data` (base64). */
export function toSecretData(bundle: CertBundle): Record<string, string> {
  return {
    [SECRET_KEYS.authorities]: toBase64(trustText(bundle)),
    [SECRET_KEYS.authorityKey]: toBase64(bundle.authorityKey),
    [SECRET_KEYS.leafCert]: toBase64(bundle.leafCert),
    [SECRET_KEYS.leafKey]: toBase64(bundle.leafKey),
  };
}

/** The bundle in a Secret's `data`. Missing keys become empty texts, which {@link inspectBundle} then names. */
export function fromSecretData(data: Readonly<Record<string, string>> | undefined): CertBundle {
  const text = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
  return {
    authorities: splitCertificates(text(SECRET_KEYS.authorities)),
    authorityKey: text(SECRET_KEYS.authorityKey),
    leafCert: text(SECRET_KEYS.leafCert),
    leafKey: text(SECRET_KEYS.leafKey),
  };
}

/** All authorities in one PEM text: what a client has to trust. */
export function trustText(bundle: CertBundle): string {
  return bundle.authorities.join('');
}

/** Reads validity, names and signatures, and checks that keys belong to their certificates. Never throws. */
export function inspectBundle(bundle: CertBundle): Inspection {
  const missing = missingKey(bundle);
  if (missing !== undefined) return { ok: false, reason: `key ${missing} is missing or empty` };
  try {
    const authorities = bundle.authorities.map((pem) => new X509Certificate(pem));
    const leaf = new X509Certificate(bundle.leafCert);
    const reason = mismatch(bundle, authorities[0], leaf);
    if (reason !== '') return { ok: false, reason };
    const authority = authorities.findIndex((candidate) => signed(candidate, leaf));
    return {
      ok: true,
      facts: { authorities: authorities.map(validity), leaf: { ...validity(leaf), authority, dnsNames: dnsNames(leaf) } },
    };
  } catch (error) {
    return { ok: false, reason: `cannot be read: ${messageOf(error)}` };
  }
}

function missingKey(bundle: CertBundle): string | undefined {
  if (bundle.authorities.length === 0) return SECRET_KEYS.authorities;
  if (bundle.authorityKey === '') return SECRET_KEYS.authorityKey;
  if (bundle.leafCert === '') return SECRET_KEYS.leafCert;
  return bundle.leafKey === '' ? SECRET_KEYS.leafKey : undefined;
}

function mismatch(bundle: CertBundle, authority: X509Certificate | undefined, leaf: X509Certificate): string {
  if (authority?.checkPrivateKey(createPrivateKey(bundle.authorityKey)) !== true) {
    return `${SECRET_KEYS.authorityKey} does not belong to the first certificate of ${SECRET_KEYS.authorities}`;
  }
  if (!leaf.checkPrivateKey(createPrivateKey(bundle.leafKey)))
    return `${SECRET_KEYS.leafKey} does not belong to ${SECRET_KEYS.leafCert}`;
  return '';
}

function signed(authority: X509Certificate, leaf: X509Certificate): boolean {
  return leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
}

/** When it is valid. */
export function validity(certificate: X509Certificate): ValidityFacts {
  return { notBefore: Date.parse(certificate.validFrom), notAfter: Date.parse(certificate.validTo) };
}

function dnsNames(leaf: X509Certificate): string[] {
  const entries = (leaf.subjectAltName ?? '').split(', ');
  return entries.filter((entry) => entry.startsWith('DNS:')).map((entry) => entry.slice('DNS:'.length));
}

/** Whether a PEM text is a certificate that has not expired at `now`. Never throws. */
export function isCurrent(pem: string, now: number): boolean {
  try {
    return now < validity(new X509Certificate(pem)).notAfter;
  } catch {
    return false;
  }
}

/** The certificates of a PEM text, each with one line end. */
export function splitCertificates(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => `${block}\n`);
}

function toBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
