import type { KeyPair } from '../runtime/certificate.ts';
import { createAuthority, issueLeaf } from './x509.ts';

/** Certificates for two containers of one pod that talk over loopback. */
export interface PodLocalCertificates {
  /** PEM of the authority both sides trust. Its key no longer exists. */
  readonly caPem: string;
  readonly server: KeyPair;
  readonly client: KeyPair;
}

export interface PodLocalRequest {
  /** What the client dials: DNS names (`localhost`) or IP addresses (`127.0.0.1`). */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const BACKDATE_MS = 5 * 60_000;
const LIFETIME_MS = 10 * 365 * 86_400_000;

/**
 * Mutual TLS for a loopback connection inside one pod: an authority, a server pair and a client pair. They live as long as the pod
 * does, so they are never renewed (ten years), and the authority's key is thrown away: nobody can ever issue a third certificate.
 */
export async function issuePodLocal({ names, now }: PodLocalRequest): Promise<PodLocalCertificates> {
  const validity = { notBefore: now - BACKDATE_MS, notAfter: now + LIFETIME_MS };
  const authority = await createAuthority('podvisor-pod-local-ca', validity);
  const ipAddresses = names.filter(isIpAddress);
  const dnsNames = names.filter((name) => !isIpAddress(name));
  const server = await issueLeaf(authority, {
    ...validity,
    commonName: 'podvisor-pod-local-server',
    usage: 'server',
    dnsNames,
    ipAddresses,
  });
  const client = await issueLeaf(authority, {
    ...validity,
    commonName: 'podvisor-pod-local-client',
    usage: 'client',
    dnsNames: ['podvisor-pod-local-client'],
  });
  return { caPem: authority.certPem, server, client };
}

/** Good enough to tell an address from a DNS name: no DNS name of ours has a colon or is made of digits and dots alone. */
function isIpAddress(name: string): boolean {
  return name.includes(':') || /^[\d.]+$/.test(name);
}
