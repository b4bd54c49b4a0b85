import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../../agent/run-program.ts';

const sh = (script: string, timeoutMs?: number) =>
  runProgram({ file: '/bin/sh', args: ['-c', script], ...(timeoutMs === undefined ? {} : { timeoutMs }) });

describe('a program run to its end', () => {
  test('gives all it wrote, however soon it ended', async () => {
    // Many at once: the end of a process is often seen before the end of its output.
    const outputs = await Promise.all(Array.from({ length: 40 }, () => sh('head -c 200000 /dev/zero | tr "\\0" x')));
    expect(outputs.map(({ length }) => length)).toEqual(Array.from({ length: 40 }, () => 200_000));
  });

  test('is over although a daemon it left behind holds its output', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'podvisor-run-'));
    const script = `sleep 30 & echo $! >${directory}/pid`;
    await runProgram({ file: '/bin/sh', args: ['-c', script], leavesDaemon: true });
    const daemon = Number(readFileSync(join(directory, 'pid'), 'utf8'));
    // Throws when there is no such process.
    process.kill(daemon, 'SIGKILL');
    rmSync(directory, { recursive: true });
  });

  test('gets its input', async () => {
    expect(await runProgram({ file: '/bin/cat', args: [], input: 'as given' })).toBe('as given');
  });

  test.each<[string, () => Promise<string>, RegExp]>([
    ['ends with a code', () => sh('echo why >&2; exit 3'), /sh ended with code 3: why/],
    ['is killed', () => sh('kill -TERM $$'), /was killed \(SIGTERM\)/],
    ['takes too long', () => sh('exec sleep 10', 100), /took longer than 100 ms and was killed/],
    ['is not there', () => runProgram({ file: '/nowhere/at-all', args: [] }), /could not be started: .*ENOENT/],
  ])('one that %s is an error that says so', async (_, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});
