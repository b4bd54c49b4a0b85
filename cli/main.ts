import { readFileSync } from 'node:fs';
import { connectAsUser } from '../kube/user-cluster.ts';
import { realClock } from '../runtime/clock.ts';
import { runWords } from './commands.ts';

const STDIN = 0;
const { stdout, stderr, exitCode } = await runWords(process.argv.slice(2), {
  readFile: (path) => readFileSync(path === '-' ? STDIN : path, 'utf8'),
  connect: connectAsUser,
  now: realClock.now(),
});
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = exitCode;
