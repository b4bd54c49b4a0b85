import './environment.ts';
import { spawn } from 'node:child_process';

/** What a finished kubectl left behind. */
export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface KubectlOptions {
  /** Text for stdin, for `-f -`. */
  readonly input?: string;
  /** Killed after this many milliseconds. */
  readonly timeoutMs?: number;
}

/** Runs kubectl against the cluster of `KUBECONFIG`; never rejects for an exit code. */
export function tryKubectl(args: readonly string[], options: KubectlOptions = {}): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    // Said, because jest's process.env, which environment.ts has filled in, is not the one that children inherit.
    const child = spawn('kubectl', args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: process.env,
      timeout: options.timeoutMs ?? 120_000,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 124, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** Runs kubectl and returns its stdout; an exit code other than 0 is an error with kubectl's own words. */
export async function kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<string> {
  const result = await tryKubectl(args, options);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: exit ${result.code}\n${result.stderr}${result.stdout}`);
  return result.stdout;
}

/** `kubectl get … -o json`, parsed. */
export async function getJson<T>(args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl(['get', ...args, '-o', 'json'])) as T;
}

/** Applies one or several objects in a namespace (cluster-scoped ones ignore it). */
export async function apply(namespace: string, ...objects: readonly object[]): Promise<void> {
  await kubectl(['apply', '-n', namespace, '-f', '-'], { input: asList(objects) });
}

/** `kubectl apply --dry-run=server`; the answer of admission, without effect. */
export function dryRun(namespace: string, ...objects: readonly object[]): Promise<KubectlResult> {
  return tryKubectl(['create', '-n', namespace, '--dry-run=server', '-o', 'json', '-f', '-'], { input: asList(objects) });
}

function asList(objects: readonly object[]): string {
  return JSON.stringify(objects.length === 1 ? objects[0] : { apiVersion: 'v1', kind: 'List', items: objects });
}
