import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../test/build/eventually.ts';
import { freePorts } from '../../test/integration/programs.ts';
import { pin } from '../lib/side.ts';

/** Runs what measures one, and ends it. */
export interface Topolvm {
  measure<T>(
    with_: (port: number, paths: readonly [string, string], annotations: Readonly<Record<string, string>>) => Promise<T>,
  ): Promise<T>;
}

/** Its annotation for the free bytes of the default device class, on nodes, and for the bytes asked, on pods. */
const ANNOTATIONS = { 'capacity.topolvm.io/00default': String(2 ** 40), 'capacity.topolvm.io/ssd': String(2 ** 40) };

/** topolvm-scheduler on core 0, if PODVISOR_TOPOLVM_SCHEDULER says where it is. */
export async function startTopolvm(): Promise<Topolvm | undefined> {
  const program = process.env['PODVISOR_TOPOLVM_SCHEDULER'];
  if (program === undefined) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'podvisor-topolvm-'));
  const [port = 0] = await freePorts(1);
  const config = join(directory, 'config.json');
  writeFileSync(config, JSON.stringify({ listen: `127.0.0.1:${port}`, 'default-divisor': 1 }));
  const child = spawn(program, [`--config=${config}`], { stdio: 'ignore' });
  pin(child.pid ?? 0, 0);
  await eventually('topolvm-scheduler serves', async () => (await fetch(`http://127.0.0.1:${port}/status`)).status > 0);
  return {
    measure: async (run) => {
      try {
        return await run(port, ['/predicate', '/prioritize'], ANNOTATIONS);
      } finally {
        child.kill('SIGKILL');
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}
