import type { KeyPair } from '../runtime/certificate.ts';
import { inspectBundle } from './bundle.ts';
import type { CertBundle } from './bundle.ts';
import type { CertAction, CertLifetimes } from './next-cert-action.ts';
import { createAuthority, issueLeaf } from './x509.ts';

/** What an action is carried out with. */
export interface CarryOutContext {
  /** Names the leaf is valid for; the first is its common name. */
  readonly dnsNames: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly lifetimes: CertLifetimes;
}

/** The bundle after `action`. `bundle` is the last one that was readable; `issue` needs none. Throws when it is needed and missing. */
export async function carryOut(
  action: CertAction,
  bundle: CertBundle | undefined,
  context: CarryOutContext,
): Promise<CertBundle> {
  if (action.kind === 'issue') return issueAll(context);
  if (bundle === undefined) throw new Error(`bug: ${action.kind} without a bundle`);
  switch (action.kind) {
    case 'introduce-authority':
      return introduceAuthority(bundle, context);
    case 'renew-leaf':
      return renewLeaf(bundle, context);
    case 'drop-authorities':
      return {
        ...bundle,
        authorities: bundle.authorities.filter((pem, index) => index === 0 || !expired(pem, bundle, context.now)),
      };
    case 'wait':
      return bundle;
  }
}

async function issueAll(context: CarryOutContext): Promise<CertBundle> {
  const authority = await newAuthority(context);
  return withLeaf({ authorities: [authority.certPem], authorityKey: authority.keyPem }, await newLeaf(authority, context));
}

async function introduceAuthority(bundle: CertBundle, context: CarryOutContext): Promise<CertBundle> {
  const authority = await newAuthority(context);
  return { ...bundle, authorities: [authority.certPem, ...bundle.authorities], authorityKey: authority.keyPem };
}

async function renewLeaf(bundle: CertBundle, context: CarryOutContext): Promise<CertBundle> {
  const [certPem] = bundle.authorities;
  if (certPem === undefined) throw new Error('bug: renew-leaf without an authority');
  return withLeaf(bundle, await newLeaf({ certPem, keyPem: bundle.authorityKey }, context));
}

function withLeaf(bundle: Pick<CertBundle, 'authorities' | 'authorityKey'>, leaf: KeyPair): CertBundle {
  return { ...bundle, leafCert: leaf.certPem, leafKey: leaf.keyPem };
}

async function newAuthority({ now, lifetimes }: CarryOutContext): Promise<KeyPair> {
  // The time in the name tells two authorities of one bundle apart, for people and for TLS libraries that look issuers up by name.
  const name = `podvisor-webhook-ca-${Math.floor(now / 1000)}`;
  return createAuthority(name, { notBefore: now - lifetimes.backdateMs, notAfter: now + lifetimes.authorityMs });
}

async function newLeaf(authority: KeyPair, { dnsNames, now, lifetimes }: CarryOutContext): Promise<KeyPair> {
  return issueLeaf(authority, {
    commonName: 'podvisor-webhook',
    usage: 'server',
    dnsNames,
    notBefore: now - lifetimes.backdateMs,
    notAfter: now + lifetimes.leafMs,
  });
}

function expired(pem: string, bundle: CertBundle, now: number): boolean {
  const inspection = inspectBundle(bundle);
  const facts = inspection.ok ? inspection.facts.authorities[bundle.authorities.indexOf(pem)] : undefined;
  return facts !== undefined && now >= facts.notAfter;
}
