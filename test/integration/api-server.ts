import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile, open } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKubeClient, type HttpKubeClient } from '../../kube/http-client.ts';
import type { KubeConnection } from '../../kube/connection.ts';
import { createTestCa } from '../build/tls.ts';
import { freePorts, kill, launch, type Running } from './programs.ts';

/** A real etcd and kube-apiserver on loopback, nothing else: no controllers, no kubelet. */
export interface ApiServer {
  /** As cluster admin (group system:masters). */
  readonly connection: KubeConnection;
  readonly client: HttpKubeClient;
  readonly caPem: string;
  readonly token: string;
  /** A kubeconfig file of the same admin, for kubectl. */
  readonly kubeconfig: string;
  /** Where its files and log are; gone after close(). */
  readonly directory: string;
  /** A client of whoever holds this bearer token. */
  as(token: string): HttpKubeClient;
  /** A POST as cluster admin with nothing in between: for headers such as warnings. */
  raw(path: string, body: object): Promise<RawAnswer>;
  /** Kills the API server (SIGKILL); etcd keeps the data. */
  stop(): Promise<void>;
  /** Starts it again on the same port; resolves when it is ready. */
  start(): Promise<void>;
  /** Freezes it: connections stay open, nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends both processes and removes their directory. */
  close(): Promise<void>;
}

/** What `raw` got; `warnings` is the Warning header. */
export interface RawAnswer {
  readonly status: number;
  readonly warnings: string;
  readonly body: Record<string, unknown>;
}

/** How to start one. */
export interface ApiServerOptions {
  /** Admission plugins to leave out; without, ServiceAccount: no controller makes the default ServiceAccounts here. */
  readonly withoutAdmission?: readonly string[];
  /** More flags for kube-apiserver. */
  readonly flags?: readonly string[];
}

const TOKEN = 'integration-admin-token';
const READY_MS = 60_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Layout {
  readonly directory: string;
  readonly etcdPort: number;
  readonly peerPort: number;
  readonly port: number;
}

async function writeFiles({ directory, port }: Layout): Promise<string> {
  const ca = await createTestCa('integration-ca');
  const serving = await ca.issue('kube-apiserver');
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    'certificate-authority-data': Buffer.from(ca.certPem).toString('base64'),
  };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'admin', user: { token: TOKEN } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
  };
  const files = {
    'ca.crt': ca.certPem,
    'serving.crt': serving.certPem,
    'serving.key': serving.keyPem,
    'sa.key': privateKey,
    'sa.pub': publicKey,
    'tokens.csv': `${TOKEN},admin,admin,"system:masters"\n`,
    kubeconfig: JSON.stringify(kubeconfig),
  };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(directory, name), text, { mode: 0o600 })));
  return ca.certPem;
}

const etcdArgs = ({ directory, etcdPort, peerPort }: Layout): string[] => [
  `--data-dir=${join(directory, 'etcd')}`,
  '--unsafe-no-fsync',
  '--log-level=warn',
  `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
  `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
  `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
  `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
  `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
];

const serverArgs = ({ directory, etcdPort, port }: Layout, options: ApiServerOptions): string[] => [
  `--etcd-servers=http://127.0.0.1:${etcdPort}`,
  '--bind-address=127.0.0.1',
  `--secure-port=${port}`,
  '--advertise-address=127.0.0.1',
  `--tls-cert-file=${join(directory, 'serving.crt')}`,
  `--tls-private-key-file=${join(directory, 'serving.key')}`,
  `--token-auth-file=${join(directory, 'tokens.csv')}`,
  `--service-account-key-file=${join(directory, 'sa.pub')}`,
  `--service-account-signing-key-file=${join(directory, 'sa.key')}`,
  '--service-account-issuer=https://kubernetes.default.svc',
  '--service-cluster-ip-range=10.96.0.0/16',
  '--authorization-mode=RBAC',
  `--disable-admission-plugins=${(options.withoutAdmission ?? ['ServiceAccount']).join(',')}`,
  '--allow-privileged=true',
  '--profiling=false',
  ...(options.flags ?? []),
];

/** Starts both on free ports in a directory of their own. Rejects with the end of the log when they are not ready in a minute. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const directory = await mkdtemp(join(tmpdir(), 'podvisor-api-'));
  const [etcdPort = 0, peerPort = 0, port = 0] = await freePorts(3);
  const layout: Layout = { directory, etcdPort, peerPort, port };
  const caPem = await writeFiles(layout);
  const log = await open(join(directory, 'log'), 'a');
  const etcd = launch('etcd', etcdArgs(layout), log);
  const connect = (token: string): KubeConnection => ({
    server: `https://127.0.0.1:${port}`,
    credentials: () => Promise.resolve({ ca: caPem, headers: { authorization: `Bearer ${token}` } }),
  });
  const client = createKubeClient(connect(TOKEN));
  let server: Running | undefined;
  const start = async (): Promise<void> => {
    server = launch('kube-apiserver', serverArgs(layout, options), log);
    await waitReady(client, server, join(directory, 'log'));
  };
  const close = async (): Promise<void> => {
    client.close();
    await Promise.all([kill(server), kill(etcd)]);
    await log.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    connection: connect(TOKEN),
    client,
    caPem,
    token: TOKEN,
    kubeconfig: join(directory, 'kubeconfig'),
    directory,
    as: (token) => createKubeClient(connect(token)),
    raw: (path, body) => rawPost(`https://127.0.0.1:${port}${path}`, caPem, body),
    stop: () => kill(server),
    start,
    pause: () => void server?.child.kill('SIGSTOP'),
    resume: () => void server?.child.kill('SIGCONT'),
    close,
  };
}

async function waitReady(client: HttpKubeClient, server: Running, log: string): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until && server.child.exitCode === null) {
    // The namespace is made by a post-start hook, so it is later than the first answer.
    const ready = await client.get('/api/v1/namespaces/default').then(
      () => true,
      () => false,
    );
    if (ready) return;
    await pause(100);
  }
  const reason =
    server.child.exitCode === null ? `is not ready after ${READY_MS / 1000} s` : `ended with code ${server.child.exitCode}`;
  throw new Error(`kube-apiserver ${reason}:\n${readFileSync(log, 'utf8').slice(-3000)}`);
}

function rawPost(url: string, ca: string, body: object): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const outgoing = request(url, { method: 'POST', headers, ca, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>;
        resolve({ status: response.statusCode ?? 0, warnings: response.headers.warning ?? '', body: answer });
      });
    });
    outgoing.on('error', reject).end(JSON.stringify(body));
  });
}
