import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile, open, type FileHandle } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKubeClient, type HttpKubeClient } from '../../kube/http-client.ts';
import type { KubeConnection } from '../../kube/connection.ts';
import { createTestCa } from '../build/tls.ts';

/** A real etcd and kube-apiserver on loopback, nothing else: no controllers, no kubelet. */
export interface ApiServer {
  /** As cluster admin (group system:masters). */
  readonly connection: KubeConnection;
  readonly client: HttpKubeClient;
  readonly caPem: string;
  readonly token: string;
  /** A kubeconfig file of the same admin, for kubectl. */
  readonly kubeconfig: string;
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

/** How to start one. */
export interface ApiServerOptions {
  /** More flags for kube-apiserver. */
  readonly flags?: readonly string[];
}

const TOKEN = 'integration-admin-token';
const READY_MS = 60_000;

/** Directory of the pinned programs, or undefined when they were not built (`dev/programs/build`). */
export function programsDirectory(): string | undefined {
  const cache = process.env['PODVISOR_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'podvisor');
  const root = join(cache, 'programs');
  const groups = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith('kubernetes-')) : [];
  return groups
    .map((name) => join(root, name, 'bin'))
    .find((bin) => existsSync(join(bin, 'kube-apiserver')) && existsSync(join(bin, 'etcd')));
}

const freePorts = async (count: number): Promise<number[]> => {
  // All open at once, so that no two are the same.
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
};

interface Running {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
}

// The last resort when a test run dies without close(): our own children, by their own handles.
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

const launch = (program: string, args: readonly string[], log: FileHandle): Running => {
  const child = spawn(program, args, { stdio: ['ignore', log.fd, log.fd] });
  children.add(child);
  const gone = new Promise<void>((resolve) => {
    const end = (): void => {
      children.delete(child);
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  return { child, gone };
};

const kill = async (running: Running | undefined): Promise<void> => {
  running?.child.kill('SIGKILL');
  await running?.gone;
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Layout {
  readonly bin: string;
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

const serverArgs = ({ directory, etcdPort, port }: Layout, flags: readonly string[]): string[] => [
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
  // No controller makes the default ServiceAccounts here.
  '--disable-admission-plugins=ServiceAccount',
  '--allow-privileged=true',
  '--profiling=false',
  ...flags,
];

/** Starts both on free ports in a directory of their own. Rejects with the end of the log when they are not ready in a minute. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const bin = programsDirectory();
  if (bin === undefined) throw new Error('kube-apiserver and etcd are not built; run dev/programs/build (make up does it)');
  const directory = await mkdtemp(join(tmpdir(), 'podvisor-api-'));
  const [etcdPort = 0, peerPort = 0, port = 0] = await freePorts(3);
  const layout: Layout = { bin, directory, etcdPort, peerPort, port };
  const caPem = await writeFiles(layout);
  const log = await open(join(directory, 'log'), 'a');
  const etcd = launch(join(bin, 'etcd'), etcdArgs(layout), log);
  const connection: KubeConnection = {
    server: `https://127.0.0.1:${port}`,
    credentials: () => Promise.resolve({ ca: caPem, headers: { authorization: `Bearer ${TOKEN}` } }),
  };
  const client = createKubeClient(connection);
  let server: Running | undefined;
  const start = async (): Promise<void> => {
    server = launch(join(bin, 'kube-apiserver'), serverArgs(layout, options.flags ?? []), log);
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
    connection,
    client,
    caPem,
    token: TOKEN,
    kubeconfig: join(directory, 'kubeconfig'),
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
