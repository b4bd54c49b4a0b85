import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issuePodLocal } from '../certs/pod-local.ts';
import type { KeyPair } from '../runtime/certificate.ts';

/** What the extender serves with, and whom it lets in. */
export interface PodCertificates {
  readonly caPem: string;
  readonly server: KeyPair;
}

export interface PodCertificateRequest {
  /** A memory volume shared with the scheduler's container, which reads `ca.crt`, `client.crt` and `client.key` there. */
  readonly directory: string;
  /** DNS names and addresses the scheduler dials. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const FILES = {
  ca: 'ca.crt',
  clientCert: 'client.crt',
  clientKey: 'client.key',
  serverCert: 'server.crt',
  serverKey: 'server.key',
} as const;
type Pems = Readonly<Record<keyof typeof FILES, string>>;

/** Issued anew when less than this is left: ten years less a month (certs/pod-local.ts), so only after a clock jump. */
const LEFT_MS = 30 * 86_400_000;

/**
 * The pod's own certificates: those found in the directory when they are whole, else new ones. Found ones must be kept:
 * kube-scheduler reads the CA once, so after a restart of this container alone a new CA would lock it out for good.
 */
export async function podCertificates(request: PodCertificateRequest): Promise<PodCertificates> {
  const pems = (await found(request)) ?? (await issued(request));
  return { caPem: pems.ca, server: { keyPem: pems.serverKey, certPem: pems.serverCert } };
}

async function found({ directory, names, now }: PodCertificateRequest): Promise<Pems | undefined> {
  try {
    const entries = Object.entries(FILES).map(
      async ([key, file]) => [key, await readFile(join(directory, file), 'utf8')] as const,
    );
    const pems = Object.fromEntries(await Promise.all(entries)) as Pems;
    return isUsable(pems, names, now) ? pems : undefined;
  } catch {
    // Absent at the first start, or unreadable: either way there is nothing to keep.
    return undefined;
  }
}

function isUsable(pems: Pems, names: readonly string[], now: number): boolean {
  const server = new X509Certificate(pems.serverCert);
  const issuer = new X509Certificate(pems.ca);
  const covers = names.every((name) => (server.checkHost(name) ?? server.checkIP(name)) !== undefined);
  return covers && server.checkIssued(issuer) && server.validToDate.getTime() - now > LEFT_MS;
}

async function issued({ directory, names, now }: PodCertificateRequest): Promise<Pems> {
  const { caPem, server, client } = await issuePodLocal({ names, now });
  const pems: Pems = {
    ca: caPem,
    clientCert: client.certPem,
    clientKey: client.keyPem,
    serverCert: server.certPem,
    serverKey: server.keyPem,
  };
  await mkdir(directory, { recursive: true });
  // The server's pair last: a directory with all five is then one where the scheduler's three are whole.
  for (const [key, file] of Object.entries(FILES)) await writeWhole(join(directory, file), pems[key as keyof Pems]);
  return pems;
}

/** Group-readable: both containers run with the pod's group, the volume is in memory and belongs to this pod alone. */
async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o640 });
  await rename(`${path}.new`, path);
}
