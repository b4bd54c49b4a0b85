import type { webcrypto } from 'node:crypto';
import type * as x509Library from '@peculiar/x509';
import type { KeyPair } from '../runtime/certificate.ts';

/** When a certificate is valid, milliseconds since the epoch. X.509 keeps whole seconds; fractions are cut. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What a certificate says. `usage` is the only thing its holder may do with it: a server's key is no client's. */
export interface LeafRequest extends Validity {
  readonly commonName: string;
  readonly usage: 'server' | 'client';
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

type X509 = typeof x509Library;

/** Loaded on the first use only: it costs 19 MiB, and a replica whose certificate somebody else renewed never needs it. */
async function loadX509(): Promise<X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** A self-signed authority (ECDSA P-256) that may sign leaves and nothing below other authorities. */
export async function createAuthority(commonName: string, validity: Validity): Promise<KeyPair> {
  const x509 = await loadX509();
  const keys = await generateKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: distinguishedName(commonName),
    notBefore: new Date(validity.notBefore),
    notAfter: new Date(validity.notAfter),
    signingAlgorithm: SIGNATURE,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { keyPem: await privateKeyPem(x509, keys.privateKey), certPem: pemText(cert.toString('pem')) };
}

/** A leaf signed by `authority`. Throws when the authority's key or certificate is not what createAuthority made. */
export async function issueLeaf(authority: KeyPair, request: LeafRequest): Promise<KeyPair> {
  const x509 = await loadX509();
  const keys = await generateKeys();
  const issuer = new x509.X509Certificate(authority.certPem);
  const cert = await x509.X509CertificateGenerator.create({
    subject: distinguishedName(request.commonName),
    issuer: issuer.subject,
    notBefore: new Date(request.notBefore),
    notAfter: new Date(request.notAfter),
    signingAlgorithm: SIGNATURE,
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(x509, authority.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[request.usage === 'server' ? 'serverAuth' : 'clientAuth']]),
      new x509.SubjectAlternativeNameExtension(alternativeNames(request)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export()),
    ],
  });
  return { keyPem: await privateKeyPem(x509, keys.privateKey), certPem: pemText(cert.toString('pem')) };
}

function alternativeNames(request: LeafRequest): { type: 'dns' | 'ip'; value: string }[] {
  return [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
}

function distinguishedName(commonName: string): string {
  return `CN=${commonName}, O=Podvisor`;
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
}

async function privateKeyPem(x509: X509, key: webcrypto.CryptoKey): Promise<string> {
  return pemText(x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY'));
}

async function importPrivateKey(x509: X509, pem: string): Promise<webcrypto.CryptoKey> {
  return crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), CURVE, false, ['sign']);
}

function pemText(pem: string): string {
  return `${pem.trim()}\n`;
}
