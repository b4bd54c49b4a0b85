import { readFileSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { KubeClient } from '../../../kube/client.ts';
import { realClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { createShutdown } from '../../../runtime/shutdown.ts';
import { startExtender } from '../../../scheduler-plugin/extender.ts';
import { startApiServer, type ApiServer } from '../api-server.ts';
import { freePorts, kill, launch } from '../programs.ts';

/** An API server, upstream's scheduler with our configuration, and our extender: everything real but the nodes. */
export interface SchedulerRig {
  readonly client: KubeClient;
  /** The port the scheduler dials. */
  readonly extenderPort: number;
  startExtender(): Promise<void>;
  stopExtender(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts all of it. */
export async function startRig(): Promise<SchedulerRig> {
  // No controllers here: nobody makes ServiceAccounts or takes the "not ready" taint from nodes.
  const api = await startApiServer({ withoutAdmission: ['ServiceAccount', 'TaintNodesByCondition'] });
  const { client, directory } = api;
  const [port = 0] = await freePorts(1);
  const extender = extenderControl(client, join(directory, 'certificates'), port);
  await extender.startExtender();
  const log = await open(join(directory, 'kube-scheduler.log'), 'a');
  const scheduler = launch('kube-scheduler', [`--config=${await writeSchedulerConfig(api, port)}`, '--secure-port=0'], log);
  const stop = async (): Promise<void> => {
    await kill(scheduler);
    await log.close();
    await extender.stopExtender();
    await api.close();
  };
  return { client, ...extender, stop };
}

function extenderControl(client: KubeClient, certificateDir: string, port: number) {
  let running: ReturnType<typeof createShutdown> | undefined;
  return {
    extenderPort: port,
    startExtender: async (): Promise<void> => {
      running = createShutdown({ clock: realClock, log: silentLog, drainMs: 0, deadlineMs: 5_000 });
      const options = {
        host: '127.0.0.1',
        port,
        healthPort: 0,
        explainPort: 0,
        certificateDir,
        serverNames: '127.0.0.1',
        requestLimitMib: 10,
        logLevel: 'info' as const,
        kubeconfig: '',
      };
      const metrics = createMetrics('extender');
      await startExtender({ options, client, clock: realClock, random: Math.random, log: silentLog, metrics, shutdown: running });
    },
    stopExtender: async (): Promise<void> => {
      running?.begin('test');
      await running?.finished;
      running = undefined;
    },
  };
}

/** What manifests/ installs, with this machine's paths and ports; the file's path. */
async function writeSchedulerConfig({ directory, kubeconfig }: ApiServer, extenderPort: number): Promise<string> {
  const text = readFileSync(new URL('../../../manifests/base/scheduler-config.yaml', import.meta.url), 'utf8');
  const config = parse(text) as {
    extenders: [{ urlPrefix: string; tlsConfig: Record<string, string> }];
    [field: string]: unknown;
  };
  const [extender] = config.extenders;
  extender.urlPrefix = extender.urlPrefix.replace(':9443', `:${extenderPort}`);
  for (const [key, path] of Object.entries(extender.tlsConfig)) {
    extender.tlsConfig[key] = path.replace('/run/podvisor-extender', join(directory, 'certificates'));
  }
  config.leaderElection = { leaderElect: false };
  config.clientConnection = { kubeconfig };
  const file = join(directory, 'scheduler.yaml');
  await writeFile(file, JSON.stringify(config));
  return file;
}
