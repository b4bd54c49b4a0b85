import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeConnection } from '../../../kube/connection.ts';
import { createKubeClient } from '../../../kube/http-client.ts';

/**
 * A real API server and etcd for the tests of this folder. Unlike test/integration/api-server.ts it runs ServiceAccount admission, whose token
 * mount is what admission of VM pods has to deal with.
 */
export interface ApiServer {
  readonly client: ReturnType<typeof createKubeClient>;
  /** A connection as whoever holds this bearer token. */
  as(token: string): ReturnType<typeof createKubeClient>;
  /** A request with nothing in between: for headers such as warnings. */
  raw(path: string, body: object): Promise<{ status: number; warnings: string; body: Record<string, unknown> }>;
  stop(): Promise<void>;
}

const ADMIN = 'admin-token';

function programs(): string {
  const cache = process.env['PODVISOR_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'podvisor');
  const found = readdirSync(join(cache, 'programs')).find((name) => name.startsWith('kubernetes-'));
  if (found === undefined) throw new Error(`no kubernetes programs in ${cache}/programs: run make test once, which builds them`);
  return join(cache, 'programs', found, 'bin');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function run(directory: string, name: string, args: string[]): ChildProcess {
  const log = openSync(join(directory, `${name}.log`), 'a');
  return spawn(join(programs(), name), args, { stdio: ['ignore', log, log] });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** Starts both on free ports with RBAC, Pod Security and the default admission plugins. */
export async function startApiServer(): Promise<ApiServer> {
  const directory = mkdtempSync(join(tmpdir(), 'podvisor-webhooks-'));
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  writeFileSync(join(directory, 'sa.key'), privateKey.export({ type: 'sec1', format: 'pem' }));
  writeFileSync(join(directory, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(directory, 'tokens.csv'), `${ADMIN},admin,admin,"system:masters"\n`);
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const etcd = run(directory, 'etcd', [
    `--data-dir=${directory}/etcd`,
    '--unsafe-no-fsync',
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
  ]);
  const api = run(directory, 'kube-apiserver', [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${directory}/certs`,
    `--token-auth-file=${directory}/tokens.csv`,
    '--authorization-mode=RBAC',
    `--service-account-key-file=${directory}/sa.pub`,
    `--service-account-signing-key-file=${directory}/sa.key`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--endpoint-reconciler-type=none',
  ]);
  const server = `https://127.0.0.1:${port}`;
  await untilReady(api, server, directory);
  const connect = (token: string): ReturnType<typeof createKubeClient> => createKubeClient(connection(server, directory, token));
  return {
    client: connect(ADMIN),
    as: connect,
    raw: (path, body) => rawPost(server + path, body),
    stop: async () => {
      await end(api);
      await end(etcd);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function connection(server: string, directory: string, token: string): KubeConnection {
  const ca = readFileSync(join(directory, 'certs', 'apiserver.crt'), 'utf8');
  return {
    server,
    serverName: 'localhost',
    insecure: true,
    credentials: async () => Promise.resolve({ ca, headers: { authorization: `Bearer ${token}` } }),
  };
}

async function rawPost(url: string, body: object): Promise<{ status: number; warnings: string; body: Record<string, unknown> }> {
  const { request } = await import('node:https');
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
    const outgoing = request(url, { method: 'POST', headers, rejectUnauthorized: false, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          warnings: response.headers.warning ?? '',
          body: JSON.parse(text) as Record<string, unknown>,
        });
      });
    });
    outgoing.on('error', reject).end(JSON.stringify(body));
  });
}

async function untilReady(api: ChildProcess, server: string, directory: string): Promise<void> {
  for (let attempt = 0; attempt < 240; attempt++) {
    if (api.exitCode !== null) break;
    const ready = await isReady(server);
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(
    `the API server did not become ready:\n${readFileSync(join(directory, 'kube-apiserver.log'), 'utf8').slice(-3000)}`,
  );
}

async function isReady(server: string): Promise<boolean> {
  const { request } = await import('node:https');
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${ADMIN}` };
    const outgoing = request(`${server}/readyz`, { headers, rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    outgoing.on('error', () => resolve(false)).end();
  });
}
