import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../build/eventually.ts';
import { freePorts, kill, launchFile, type Running } from '../programs.ts';

/** Our extender as a process of its own, so that it can be killed and frozen like one. */
export interface ExtenderProcess {
  /** The port it serves the scheduler on, after a restart too. */
  readonly extenderPort: number;
  readonly healthPort: number;
  /** Where its certificates are; the scheduler's are among them. */
  readonly certificates: string;
  /** Resolves when it is ready; with more options. */
  startExtender(...more: readonly string[]): Promise<void>;
  /** SIGKILL: whatever it was about to do is not done. */
  stopExtender(): Promise<void>;
  /** SIGSTOP: connections are accepted by the kernel, nothing answers. */
  pauseExtender(): void;
  resumeExtender(): void;
  /** Resident memory in MiB now. */
  residentMib(): Promise<number>;
}

const MAIN = join(import.meta.dirname, '../../../scheduler-plugin/main.ts');

/** Not started yet. It logs to a file in that directory. */
export async function extenderProcess(directory: string, kubeconfig: string): Promise<ExtenderProcess> {
  const [extenderPort = 0, healthPort = 0] = await freePorts(2);
  const certificates = join(directory, 'certificates');
  const args = [
    ...[MAIN, `--port=${extenderPort}`, `--health-port=${healthPort}`, '--explain-port=0', '--server-names=127.0.0.1'],
    '--log-level=warn',
    ...[`--certificate-dir=${certificates}`, `--kubeconfig=${kubeconfig}`],
  ];
  let running: Running | undefined;
  const signal = (name: NodeJS.Signals): void => void running?.child.kill(name);
  return {
    extenderPort,
    healthPort,
    certificates,
    startExtender: async (...more) => {
      const log = await open(join(directory, 'extender.log'), 'a');
      running = launchFile(process.execPath, [...args, ...more], log);
      await log.close();
      await eventually('the extender is ready', () => isReady(healthPort));
    },
    stopExtender: () => kill(running),
    pauseExtender: () => signal('SIGSTOP'),
    resumeExtender: () => signal('SIGCONT'),
    residentMib: async () => {
      const status = await readFile(`/proc/${running?.child.pid ?? 0}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
    },
  };
}

async function isReady(port: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
}
