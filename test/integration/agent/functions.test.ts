import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createFunctions } from '../../../agent/prepare-functions.ts';
import { runProgram } from '../../../agent/run-program.ts';

// Less than the limit of any process, so that no privilege is needed: raising it is the agent's, which has all.
const BYTES = 48 * 1024;

test('a launcher is given the limit of locked memory that its guest needs', async () => {
  const child = spawn('sleep', ['60']);
  try {
    await createFunctions(runProgram).allowLocked({ pid: child.pid ?? 0, startTime: '' }, BYTES);
    const limits = readFileSync(`/proc/${child.pid ?? 0}/limits`, 'utf8');
    expect(limits).toMatch(/^Max locked memory +49152 +49152 +bytes/m);
  } finally {
    child.kill();
  }
});
