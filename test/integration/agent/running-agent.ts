/** An agent as main.ts starts it, with a fake kubelet and API server, and the one VM pod its tests know. */
import { GUEST_ANNOTATION } from '../../../api/names.ts';
import type { Pod } from '../../../api/pod.ts';
import { type Agent, startAgent } from '../../../agent/agent.ts';
import { AGENT_OPTIONS } from '../../../agent/options.ts';
import { runProgram } from '../../../agent/run-program.ts';
import { realClock } from '../../../runtime/clock.ts';
import { readOptions } from '../../../runtime/config.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { guestSpec } from '../../build/guest.ts';
import type { ContainerResources, PodResources } from '../../../agent/proto/gen/podresources.ts';
import type { FakeKubelet } from './fake-kubelet.ts';
import type { FakeApi } from './rig.ts';

export const UID = '0a1b2c3d-0000-4000-8000-00000000a9e7';
export const NODE = 'node-a';
export const SLOT = 'tcg-3';
export const ENDPOINT = 'podvisor-tcg.sock';
export const owned = (cpuIds: number[], more: Partial<ContainerResources> = {}): PodResources[] => {
  const devices = [{ resourceName: 'podvisor.dev/tcg', deviceIds: [SLOT] }, ...(more.devices ?? [])];
  const dynamicResources = more.dynamicResources ?? [];
  return [{ name: 'vm', namespace: 'team', containers: [{ name: 'guest', devices, cpuIds, dynamicResources }] }];
};

export function vmPod(): Pod {
  return {
    metadata: { name: 'vm', namespace: 'team', uid: UID, annotations: { [GUEST_ANNOTATION]: JSON.stringify(guestSpec()) } },
    spec: { nodeName: NODE, containers: [{ name: 'guest', ports: [{ containerPort: 80 }] }] },
  };
}

export interface RunningAgent extends Agent {
  stop(): Promise<void>;
}

export async function agentOn(stateDir: string, kubelet: FakeKubelet, client: FakeApi): Promise<RunningAgent> {
  const argv = [
    `--node-name=${NODE}`,
    `--state-dir=${stateDir}`,
    `--kubelet-dir=${kubelet.directory}`,
    '--slots=5',
    '--kvm=false',
  ];
  const options = readOptions(AGENT_OPTIONS, {
    argv: [...argv, '--cgroup-root=/sys/fs/cgroup', '--cluster-dns=10.96.0.10'],
    env: {},
    readFile: () => '',
  });
  const closers: (() => Promise<void> | void)[] = [];
  const shutdown = { onClose: (_name: string, close: () => Promise<void> | void) => void closers.push(close) };
  const parts = {
    options,
    client,
    clock: realClock,
    random: () => 0,
    log: silentLog,
    metrics: createMetrics('agent'),
    shutdown,
    run: runProgram,
  };
  const agent = await startAgent(parts);
  return {
    ...agent,
    stop: async () => {
      for (const close of closers.toReversed()) await close();
    },
  };
}
