import { spawn } from 'node:child_process';
import { PodvisorError } from '../runtime/errors.ts';
import { plainText } from './status-lines.ts';

/** A program to run to its end. No shell is involved. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  /** Its standard input; empty when not given. */
  readonly input?: string;
  /** Open files handed on as descriptors 3, 4, … */
  readonly fds?: readonly number[];
  /** It ends while a process of its own runs on, which may keep its output open: then what it wrote last may be missing. */
  readonly leavesDaemon?: boolean;
  /** Default 10 s. Then it is killed. */
  readonly timeoutMs?: number;
}

/** Runs a program and gives its output; the seam at which tests put their own. */
export type RunProgram = (program: Program) => Promise<string>;

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_OUTPUT = 1024 * 1024;

/** Output of the program. Throws PodvisorError('io') with its last words when it cannot start, fails or takes too long. */
export const runProgram: RunProgram = (program) =>
  new Promise((resolve, reject) => {
    const timeoutMs = program.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const child = spawn(program.file, [...program.args], {
      stdio: ['pipe', 'pipe', 'pipe', ...(program.fds ?? [])],
      // Not spawn's own `timeout`: its timer runs on when the program could not be started.
      signal: AbortSignal.timeout(timeoutMs),
      killSignal: 'SIGKILL',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    const fail = (why: string): void => reject(new PodvisorError('io', `${program.file} ${why}`));
    child.once('error', (error) =>
      fail(
        error.name === 'AbortError'
          ? `took longer than ${timeoutMs} ms and was killed`
          : `could not be started: ${error.message}`,
      ),
    );
    const settle = (code: number | null, signal: string | null): void => {
      if (code === 0) return resolve(stdout());
      fail(
        `${signal === null ? `ended with code ${code ?? 0}` : `was killed (${signal})`}: ${plainText(stderr() || stdout()).slice(-400)}`,
      );
    };
    // `close` comes when all it wrote has been read, which is never while a daemon it left behind holds the pipes.
    if (program.leavesDaemon === true) child.once('exit', (code, signal) => setImmediate(settle, code, signal));
    else child.once('close', settle);
    // EPIPE when it ends before it has read all: its exit code says why.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(program.input ?? '');
  });

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_OUTPUT) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
