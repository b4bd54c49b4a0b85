import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The checkout. */
export const repositoryRoot = join(import.meta.dirname, '..', '..', '..');

/** True on the local two-node cluster of dev/cluster; faults of node components can only be made there. */
export const onLocalCluster =
  existsSync(join(repositoryRoot, '.cluster', 'kubeconfig')) && process.env['PODVISOR_FOREIGN_CLUSTER'] !== '1';

/** `dev/cluster/component VERB NAME`, for example `restart node1/kubelet`. */
export async function component(verb: 'stop' | 'start' | 'restart', name: string): Promise<void> {
  await run(join(repositoryRoot, 'dev/cluster/component'), [verb, name], { timeout: 60_000 });
}

/** Runs a command inside a node's namespaces. */
export async function onNode(node: string, ...command: readonly string[]): Promise<string> {
  return (await run(join(repositoryRoot, 'dev/cluster/on-node'), [node, ...command], { timeout: 60_000, maxBuffer: 64 << 20 }))
    .stdout;
}

/** The API server's audit log on the local cluster. */
export const auditLog = join(repositoryRoot, '.cluster', 'logs', 'audit.log');

/** A fake of `test/fakes` that runs on a node; resolves with its end when it has registered with the kubelet. */
export function startFake(node: string, program: string, ...args: readonly string[]): Promise<() => void> {
  const command = [node, join(repositoryRoot, 'dev/node'), join(repositoryRoot, 'test/fakes', program), ...args];
  const child = spawn(join(repositoryRoot, 'dev/cluster/on-node'), command, { stdio: ['pipe', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve(() => void child.stdin.end()));
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code ?? 'a signal'}`)));
  });
}
