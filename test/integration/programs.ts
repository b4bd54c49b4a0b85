import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Directory of the pinned programs, or undefined when they were not built (`dev/programs/build`). */
export function programsDirectory(): string | undefined {
  return groupDirectory('kubernetes', ['kube-apiserver', 'etcd']);
}

/** Where the programs of one group of dev/programs are, or undefined when they were not built. */
export function groupDirectory(group: string, programs: readonly string[]): string | undefined {
  const cache = process.env['PODVISOR_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'podvisor');
  const root = join(cache, 'programs');
  const groups = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith(`${group}-`)) : [];
  return groups.map((name) => join(root, name, 'bin')).find((bin) => programs.every((program) => existsSync(join(bin, program))));
}

const pinnedPrograms = (): string => {
  const bin = programsDirectory();
  if (bin === undefined) throw new Error('kube-apiserver and etcd are not built; run dev/programs/build (make up does it)');
  return bin;
};

/** Ports of the loopback interface that nobody listens on. */
export const freePorts = async (count: number): Promise<number[]> => {
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

/** A program that was started here. */
export interface Running {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
}

// The last resort when a test run dies without close(): our own children, by their own handles.
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

type Environment = Readonly<Record<string, string>>;

/** Starts one of the pinned programs with its output in `log`, and with more environment than ours. */
export const launch = (program: string, args: readonly string[], log: FileHandle, env: Environment = {}): Running =>
  launchFile(join(pinnedPrograms(), program), args, log, env);

/** As {@link launch}, any program by its path. */
export const launchFile = (file: string, args: readonly string[], log: FileHandle, env: Environment = {}): Running => {
  const child = spawn(file, args, { stdio: ['ignore', log.fd, log.fd], env: { ...process.env, ...env } });
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

/** SIGKILL, and waits until it is gone. */
export const kill = async (running: Running | undefined): Promise<void> => {
  running?.child.kill('SIGKILL');
  await running?.gone;
};
