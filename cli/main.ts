import { readFileSync } from 'node:fs';
import { runCommand } from './commands.ts';

const STDIN = 0;
const { stdout, stderr, exitCode } = runCommand(process.argv.slice(2), (path) =>
  readFileSync(path === '-' ? STDIN : path, 'utf8'),
);
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = exitCode;
