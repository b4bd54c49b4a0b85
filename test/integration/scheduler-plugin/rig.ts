import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { KubeClient } from '../../../kube/client.ts';
import { createKubeClient } from '../../../kube/http-client.ts';
import { realClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { createShutdown } from '../../../runtime/shutdown.ts';
import { startExtender } from '../../../scheduler-plugin/extender.ts';

const root = join(import.meta.dirname, '../../..');
const programs = execFileSync('bash', ['-c', `. ${root}/dev/lib/programs.sh && program_dir kubernetes`], { encoding: 'utf8' });
const TOKEN = 'test-token';

/** An API server, upstream's scheduler with our configuration, and our extender: everything real but the nodes. */
export interface SchedulerRig {
  readonly client: KubeClient;
  /** The port the scheduler dials. */
  readonly extenderPort: number;
  startExtender(): Promise<void>;
  stopExtender(): Promise<void>;
  stop(): Promise<void>;
}

/** Calls `check` until it answers something; the programs here need seconds, not milliseconds. */
export async function eventually<T>(what: string, check: () => Promise<T | undefined>, timeoutMs = 30_000): Promise<T> {
  const end = realClock.now() + timeoutMs;
  for (;;) {
    const value = await check().catch(() => undefined);
    if (value !== undefined) return value;
    if (realClock.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await realClock.sleep(100);
  }
}

/** Starts all of it in a directory of its own. */
export async function startRig(): Promise<SchedulerRig> {
  const directory = mkdtempSync(join(tmpdir(), 'podvisor-scheduler-'));
  const children: ChildProcess[] = [];
  const run = (name: string, args: readonly string[]): void => {
    const log = createWriteStream(join(directory, `${name}.log`));
    const child = spawn(join(programs, name), args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    children.push(child);
  };
  const port = await startApiServer(directory, run);
  const server = `https://127.0.0.1:${port}`;
  const client = createKubeClient({
    server,
    insecure: true,
    credentials: () => Promise.resolve({ headers: { authorization: `Bearer ${TOKEN}` } }),
  });
  await eventually('the default namespace', () => client.get<object>('/api/v1/namespaces/default'));

  const extender = extenderControl(client, join(directory, 'certificates'), await freePort());
  await extender.startExtender();
  writeSchedulerConfig(directory, server, extender.extenderPort);
  run('kube-scheduler', ['--config=scheduler.yaml', '--secure-port=0']);
  const stop = async (): Promise<void> => {
    await extender.stopExtender();
    client.close();
    await Promise.all(children.reverse().map(ended));
    rmSync(directory, { recursive: true });
  };
  return { client, ...extender, stop };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function extenderControl(client: KubeClient, certificateDir: string, port: number) {
  let running: ReturnType<typeof createShutdown> | undefined;
  return {
    extenderPort: port,
    startExtender: async (): Promise<void> => {
      running = createShutdown({ clock: realClock, log: silentLog, drainMs: 0, deadlineMs: 5_000 });
      const options = {
        host: '127.0.0.1',
        port,
        healthPort: 0,
        certificateDir,
        serverNames: '127.0.0.1',
        requestLimitMib: 10,
        logLevel: 'info' as const,
        kubeconfig: '',
      };
      const metrics = createMetrics('extender');
      await startExtender({ options, client, clock: realClock, random: Math.random, log: silentLog, metrics, shutdown: running });
    },
    stopExtender: async (): Promise<void> => {
      running?.begin('test');
      await running?.finished;
      running = undefined;
    },
  };
}

async function startApiServer(directory: string, run: (name: string, args: readonly string[]) => void): Promise<number> {
  const [port, etcd, peer] = [await freePort(), await freePort(), await freePort()];
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(join(directory, 'sa.key'), privateKey.export({ type: 'sec1', format: 'pem' }));
  writeFileSync(join(directory, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(directory, 'tokens.csv'), `${TOKEN},admin,admin,system:masters\n`);
  const urls = [`http://127.0.0.1:${etcd}`, `http://127.0.0.1:${peer}`] as const;
  run('etcd', [
    ...['--data-dir=etcd', '--unsafe-no-fsync', `--listen-client-urls=${urls[0]}`, `--advertise-client-urls=${urls[0]}`],
    ...[`--listen-peer-urls=${urls[1]}`, `--initial-advertise-peer-urls=${urls[1]}`, `--initial-cluster=default=${urls[1]}`],
  ]);
  run('kube-apiserver', [
    ...[`--etcd-servers=${urls[0]}`, '--bind-address=127.0.0.1', `--secure-port=${port}`, '--cert-dir=apiserver'],
    ...[
      '--service-account-key-file=sa.pub',
      '--service-account-signing-key-file=sa.key',
      '--service-account-issuer=https://test',
    ],
    ...['--token-auth-file=tokens.csv', '--authorization-mode=RBAC', '--service-cluster-ip-range=10.96.0.0/24'],
    // No controllers here: nobody makes ServiceAccounts or takes the "not ready" taint from nodes.
    '--disable-admission-plugins=ServiceAccount,TaintNodesByCondition',
  ]);
  return port;
}

/** What manifests/ installs, with this machine's paths and ports. */
function writeSchedulerConfig(directory: string, server: string, extenderPort: number): void {
  const config = parse(readFileSync(join(root, 'manifests/base/scheduler-config.yaml'), 'utf8')) as {
    extenders: [{ urlPrefix: string; tlsConfig: Record<string, string> }];
    [field: string]: unknown;
  };
  const [extender] = config.extenders;
  extender.urlPrefix = extender.urlPrefix.replace(':9443', `:${extenderPort}`);
  for (const [key, path] of Object.entries(extender.tlsConfig)) {
    extender.tlsConfig[key] = path.replace('/run/podvisor-extender', join(directory, 'certificates'));
  }
  config.leaderElection = { leaderElect: false };
  config.clientConnection = { kubeconfig: join(directory, 'kubeconfig') };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: TOKEN } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  };
  writeFileSync(join(directory, 'kubeconfig'), JSON.stringify(kubeconfig));
  writeFileSync(join(directory, 'scheduler.yaml'), JSON.stringify(config));
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
