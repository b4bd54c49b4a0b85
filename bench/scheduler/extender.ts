import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../test/build/eventually.ts';
import { type ApiServer } from '../../test/integration/api-server.ts';
import { freePorts } from '../../test/integration/programs.ts';
import type { SchedulerConfig } from '../../test/integration/scheduler-plugin/rig.ts';
import { nodeEnvironment, nodeFlags } from '../lib/side.ts';

/** A way to schedule: with which extender, and how the scheduler reaches it. */
export interface Way {
  readonly name: string;
  readonly port: number;
  configure(config: SchedulerConfig): object;
  /** CPU seconds of the extender's process so far. */
  cpu(): number;
  stop(): Promise<void>;
}

/** Nobody asked: the scheduler alone. */
export function alone(): Way {
  return {
    name: 'no extender',
    port: 0,
    configure: (config) => ({ ...config, extenders: [] }),
    cpu: () => 0,
    stop: () => Promise.resolve(),
  };
}

/** One that takes all nodes and tells none apart, over plain HTTP; the scheduler binds. */
export async function doNothing(bundle: string): Promise<Way> {
  const child = start(bundle, ['bare']);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    name: 'do-nothing extender',
    port,
    configure: (config) => {
      const extenders = config.extenders.map(
        ({ urlPrefix, filterVerb, prioritizeVerb, weight, nodeCacheCapable, managedResources }) => {
          const fields = { filterVerb, prioritizeVerb, weight, nodeCacheCapable, managedResources };
          return { urlPrefix: urlPrefix.replace('https:', 'http:'), ...fields };
        },
      );
      return { ...config, extenders };
    },
    ...ending(child),
  };
}

/** Ours as it is installed: its own certificates, filter, prioritize and bind. */
export async function ours(bundle: string, { directory, kubeconfig }: ApiServer): Promise<Way> {
  const [port = 0, healthPort = 0] = await freePorts(2);
  const options = { port, 'health-port': healthPort, 'certificate-dir': join(directory, 'certificates'), kubeconfig, 'log-level': 'warn' }; // prettier-ignore
  const words = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = start(bundle, words);
  await eventually('our extender is ready', async () => (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).ok);
  return { name: 'Podvisor', port, configure: (config) => config, ...ending(child) };
}

/** With the flags and the environment that the extender is installed with. */
function start(bundle: string, words: readonly string[]): ChildProcess {
  const env = { ...process.env, ...nodeEnvironment('scheduler.yaml') };
  return fork(bundle, words, { execArgv: nodeFlags('scheduler.yaml'), env });
}

function ending(child: ChildProcess): Pick<Way, 'cpu' | 'stop'> {
  return {
    cpu: () => cpuOf(child.pid ?? 0),
    stop: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** User and system time of a process, in clock ticks of a hundredth of a second. */
export function cpuOf(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
  return (user + system) / 100;
}
