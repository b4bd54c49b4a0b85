import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describe('dev/lib/steps.sh', () => {
  let logs: string;
  beforeEach(() => {
    logs = mkdtempSync(join(tmpdir(), 'steps-'));
  });
  afterEach(() => {
    rmSync(logs, { recursive: true });
  });

  function bash(script: string) {
    const lines = ['set -euo pipefail', '. dev/lib/steps.sh', script].join('\n');
    const run = spawnSync('bash', ['-c', lines], { encoding: 'utf8', env: { ...process.env, PODVISOR_LOGS: logs } });
    return { code: run.status, out: run.stdout, err: run.stderr };
  }

  it('says one line for a quick step and keeps its output in a log', () => {
    const run = bash('step "Making it" echo hidden');
    expect(run.code).toBe(0);
    expect(run.out).toMatch(/^ok {4}Making it \(\d+\.\d s\)\n$/);
    expect(readFileSync(join(logs, 'step-making-it.log'), 'utf8')).toBe('hidden\n');
  });

  it('ends the script with the code of the step, says why and where the log is', () => {
    const run = bash('step "Making it" bash -c "echo the reason; exit 7"\necho not reached');
    expect(run.code).toBe(7);
    expect(run.out).toBe('');
    expect(run.err).toMatch(/FAIL {2}Making it: exit code 7/);
    expect(run.err).toContain('        the reason\n');
    expect(run.err).toContain(join(logs, 'step-making-it.log'));
  });

  it('stops a function at its first failing line', () => {
    const run = bash('f() { echo one; false; echo two; }\nstep "Making it" f');
    expect(run.code).toBe(1);
    expect(run.err).toContain('one');
    expect(run.err).not.toContain('two');
  });

  it('shows only the end of long output', () => {
    const run = bash('f() { seq 100; false; }\nstep "Making it" f');
    expect(run.err).toContain('        100\n');
    expect(run.err).not.toContain('        50\n');
  });
});
