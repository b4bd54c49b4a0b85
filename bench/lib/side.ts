import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { parseAllDocuments } from 'yaml';

/** One server under test, in a process of its own. */
export interface Side {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
  readonly path: string;
  /** What is sent, or what makes it anew each time. */
  readonly body: string | (() => string);
  /** Milliseconds of each answer of the open loop. */
  readonly latencies: number[];
}

/** CPU in microseconds and resident bytes since the process began. */
export interface Usage {
  readonly cpu: number;
  readonly rss: number;
  readonly peak: number;
}

export const agent = new Agent({ keepAlive: true, maxSockets: 16 });

/** Both need two cores: the server on one, everything else on the other. */
export function pin(pid: number, core: number): void {
  spawnSync('taskset', ['-a', '-cp', String(core), String(pid)], { stdio: 'ignore' });
}

/** The V8 flags of the container that runs our code in a file of manifests/base: all sides run with the same. */
export function nodeFlags(manifest: string): string[] {
  return (ourContainer(manifest).command ?? []).filter((word) => word.startsWith('--'));
}

/** Likewise what its environment sets for glibc. */
export function nodeEnvironment(manifest: string): Record<string, string> {
  return environmentOf(ourContainer(manifest), /^MALLOC_/);
}

/** Of the kube-scheduler that we install, what its environment sets for Go's runtime, and its feature gates. */
export function installedScheduler(): { readonly env: Record<string, string>; readonly flags: readonly string[] } {
  const found = container('scheduler.yaml', '/kube-scheduler');
  return { env: environmentOf(found, /^GO/), flags: (found.args ?? []).filter((word) => word.startsWith('--feature-gates=')) };
}

interface Container {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

function environmentOf({ env = [] }: Container, names: RegExp): Record<string, string> {
  return Object.fromEntries(env.flatMap(({ name, value = '' }) => (names.test(name) ? [[name, value]] : [])));
}

function ourContainer(manifest: string): Container {
  return container(manifest, '/node');
}

/** The one whose program ends like that. */
function container(manifest: string, program: string): Container {
  const text = readFileSync(new URL(`../../manifests/base/${manifest}`, import.meta.url), 'utf8');
  interface Workload {
    spec?: { template?: { spec: { initContainers?: readonly Container[]; containers: readonly Container[] } } };
  }
  const specs = parseAllDocuments(text).flatMap((one) => (one.toJS() as Workload).spec?.template?.spec ?? []);
  const all = specs.flatMap(({ initContainers = [], containers }) => [...initContainers, ...containers]);
  const found = all.find((one) => one.command?.[0]?.endsWith(program) === true);
  if (found === undefined) throw new Error(`manifests/base/${manifest} runs no ${program}`);
  return found;
}

/** Starts the bundled server with these words on core 0; `flags` are node's, `env` is added to ours. */
export async function startSide(
  name: string,
  bundle: string,
  words: readonly string[],
  { flags, env = {}, ...ask }: Pick<Side, 'path' | 'body'> & { flags: readonly string[]; env?: Readonly<Record<string, string>> },
): Promise<Side> {
  const child = fork(bundle, words, { execPath: process.execPath, execArgv: [...flags], env: { ...process.env, ...env } });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  pin(child.pid ?? 0, 0);
  return { name, child, port, ...ask, latencies: [] };
}

export async function usageOf({ child }: Side): Promise<Usage> {
  const answer = once(child, 'message');
  child.send('usage');
  const [{ cpu, rss }] = (await answer) as [{ cpu: NodeJS.CpuUsage; rss: number }];
  return { cpu: cpu.user + cpu.system, rss, peak: peakOf(child.pid ?? 0) };
}

/** The most bytes a process has had resident. */
export function peakOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** One request; rejects unless it is answered with 200. */
export function post({ port, path, body: given }: Pick<Side, 'port' | 'path' | 'body'>): Promise<string> {
  const body = typeof given === 'string' ? given : given();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const out = request({ agent, port, host: '127.0.0.1', method: 'POST', path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`HTTP ${response.statusCode}: ${text}`));
      });
    });
    out.on('error', reject).end(body);
  });
}
