import { readFileSync } from 'node:fs';
import { realClock } from '../runtime/clock.ts';
import { runCommand } from './commands.ts';

const STDIN = 0;
const { stdout, stderr, exitCode } = runCommand(process.argv.slice(2), {
  readFile: (path) => readFileSync(path === '-' ? STDIN : path, 'utf8'),
  now: realClock.now(),
});
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = exitCode;
