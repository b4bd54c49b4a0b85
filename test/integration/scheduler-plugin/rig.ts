import { readFileSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { KubeClient } from '../../../kube/client.ts';
import { eventually } from '../../build/eventually.ts';
import { startApiServer, type ApiServer } from '../api-server.ts';
import { kill, launch, type Running } from '../programs.ts';
import { extenderProcess, type ExtenderProcess } from './extender-process.ts';
import { type Lag, startLaggingApi } from './lagging-api.ts';
import { startSlowLink, type SlowLink } from './slow-link.ts';

/** An API server, upstream's scheduler with our configuration, and our extender: real processes, and all real but the nodes. */
export interface SchedulerRig extends ExtenderProcess {
  readonly api: ApiServer;
  readonly client: KubeClient;
  /** What the scheduler's requests to the extender go through, with `throughLink`. */
  readonly link: SlowLink;
  /** SIGKILL, and starts anew. */
  restartScheduler(): Promise<void>;
  stop(): Promise<void>;
}

/** How the rig differs from what manifests/ installs. */
export interface RigOptions {
  /** The extender's watches are late by up to so many milliseconds. */
  readonly lagMs?: number;
  /** What the scheduler writes to claims is late by so many milliseconds. */
  readonly claimWriteMs?: number;
  /** The scheduler dials {@link SchedulerRig.link}, not the extender itself. */
  readonly throughLink?: boolean;
  /** Fields of the KubeSchedulerConfiguration. */
  readonly scheduler?: Readonly<Record<string, unknown>>;
  /** A second kube-scheduler for pods that name none, as every cluster has. */
  readonly plainScheduler?: boolean;
  /** kube-controller-manager with these controllers alone. */
  readonly controllers?: readonly string[];
}

/** The path of NodeReports; the rig has their CRD. */
export const REPORTS = '/apis/podvisor.dev/v1alpha1/nodereports';

/** Starts all of it. */
export async function startRig(options: RigOptions = {}): Promise<SchedulerRig> {
  // No controllers here: nobody makes ServiceAccounts or takes the "not ready" taint from nodes.
  const api = await startApiServer({ withoutAdmission: ['ServiceAccount', 'TaintNodesByCondition'] });
  const ends: (() => Promise<void>)[] = [() => api.close()];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    return { ...(await startOthers(api, options, ends)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One of the extender's metrics, by its name, whatever its labels; undefined = it has not been counted yet. */
export async function metricOf({ healthPort }: SchedulerRig, name: string): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
  const value = new RegExp(`^${name}(?:{[^}]*})? (\\d+)`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

async function startOthers(
  api: ApiServer,
  options: RigOptions,
  ends: (() => Promise<void>)[],
): Promise<Omit<SchedulerRig, 'stop'>> {
  const { client, directory } = api;
  await installReports(client);
  const lagging = async (lag: Lag): Promise<ApiServer> => {
    const passing = await startLaggingApi(api, lag);
    ends.push(() => passing.close());
    return { ...api, kubeconfig: passing.kubeconfig };
  };
  const { lagMs, claimWriteMs } = options;
  const ours = lagMs === undefined ? api : await lagging({ watchMs: lagMs });
  const schedulerApi = claimWriteMs === undefined ? api : await lagging({ claimWriteMs });
  const extender = await extenderProcess(directory, ours.kubeconfig);
  ends.push(() => extender.stopExtender());
  await extender.startExtender();
  const link = await startSlowLink(extender.extenderPort);
  ends.push(() => link.close());
  const port = options.throughLink === true ? link.port : extender.extenderPort;
  const programs = await startPrograms(
    api,
    await writeOurConfig(schedulerApi, port, (one) => ({ ...one, ...options.scheduler })),
    options,
  );
  ends.push(() => programs.stop());
  return { ...extender, api, client, link, restartScheduler: () => programs.restartScheduler() };
}

async function installReports(client: KubeClient): Promise<void> {
  const text = readFileSync(new URL('../../../manifests/base/crd-nodereports.yaml', import.meta.url), 'utf8');
  await client.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', parse(text) as object);
  await eventually('NodeReports are served', () => client.get(REPORTS).then(() => true, () => false)); // prettier-ignore
}

/** The programs of Kubernetes beside the API server; `config` is the scheduler's. */
async function startPrograms(api: ApiServer, config: string, options: RigOptions) {
  const log = await open(join(api.directory, 'programs.log'), 'a');
  const start = (program: string, ...args: string[]): Running => launch(program, [...args, '--secure-port=0'], log);
  let scheduler = start('kube-scheduler', `--config=${config}`);
  const others: Running[] = [];
  if (options.plainScheduler === true) others.push(start('kube-scheduler', `--config=${await writePlainConfig(api)}`));
  if (options.controllers !== undefined) {
    const flags = [`--kubeconfig=${api.kubeconfig}`, `--controllers=${options.controllers.join(',')}`, '--leader-elect=false'];
    others.push(start('kube-controller-manager', ...flags));
  }
  return {
    restartScheduler: async (): Promise<void> => {
      await kill(scheduler);
      scheduler = start('kube-scheduler', `--config=${config}`);
    },
    stop: async (): Promise<void> => {
      await Promise.all([scheduler, ...others].map((one) => kill(one)));
      await log.close();
    },
  };
}

/** KubeSchedulerConfiguration as manifests/ has it. */
export interface SchedulerConfig {
  readonly extenders: readonly { urlPrefix: string; tlsConfig: Record<string, string>; readonly [field: string]: unknown }[];
  readonly [field: string]: unknown;
}

/** What manifests/ installs, with this machine's paths and ports, and changed once more; the file's path. */
export async function writeOurConfig(
  api: ApiServer,
  port: number,
  change: (config: SchedulerConfig) => object = (config) => config,
): Promise<string> {
  const text = readFileSync(new URL('../../../manifests/base/scheduler-config.yaml', import.meta.url), 'utf8');
  const config = parse(text) as SchedulerConfig;
  for (const extender of config.extenders) {
    extender.urlPrefix = extender.urlPrefix.replace(':9443', `:${port}`);
    for (const [key, path] of Object.entries(extender.tlsConfig)) {
      extender.tlsConfig[key] = path.replace('/run/podvisor-extender', join(api.directory, 'certificates'));
    }
  }
  return writeConfig(api, 'scheduler.yaml', change(config));
}

function writePlainConfig(api: ApiServer): Promise<string> {
  const kind = { apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration' };
  return writeConfig(api, 'plain-scheduler.yaml', kind);
}

async function writeConfig(
  { directory, kubeconfig }: ApiServer,
  name: string,
  config: object & { readonly clientConnection?: object },
): Promise<string> {
  const file = join(directory, name);
  const local = { leaderElection: { leaderElect: false }, clientConnection: { ...config.clientConnection, kubeconfig } };
  await writeFile(file, JSON.stringify({ ...config, ...local }));
  return file;
}
