import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Accelerator } from '../api/guest-spec.ts';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/events.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Random } from '../runtime/random.ts';
import type { Shutdown } from '../runtime/shutdown.ts';
import { createPinner } from './cpus/pin.ts';
import { createDeviceNodes } from './device-nodes.ts';
import { startDevicePlugin } from './device-plugin.ts';
import { realDiskFileSystem } from './disks.ts';
import { readNodeDns } from './dns.ts';
import { createCpusets } from './memory/cpuset.ts';
import { type AgentMetrics, createAgentMetrics, type SlotCounts } from './metrics.ts';
import { createNetworkApplier } from './network/apply.ts';
import type { AgentOptions } from './options.ts';
import { createPodResources } from './pod-resources.ts';
import { createProcesses } from './proc.ts';
import { keepRegistered, type Registration } from './registration.ts';
import { startReport } from './report/start.ts';
import { treeAt } from './report/tree.ts';
import { readZones } from './report/zones.ts';
import type { RunProgram } from './run-program.ts';
import { kvmSelfTest, type SelfTestResult } from './self-test.ts';
import { createSlotFiles } from './slot-files.ts';
import type { SlotWorld } from './slot.ts';
import { createFunctions } from './prepare-functions.ts';
import { createSlots, type Slots } from './slots.ts';

/** What the agent is built from; tests put their own. */
export interface AgentParts {
  readonly options: AgentOptions;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly shutdown: Pick<Shutdown, 'onClose'>;
  readonly run: RunProgram;
}

/** A running agent. */
export interface Agent {
  /** '' = ready, else why not. */
  ready(): string;
  counts(): SlotCounts;
}

/** Finds the node's slots again, offers TCG at once and KVM when it is proven. Its end leaves every guest running. */
export async function startAgent(parts: AgentParts): Promise<Agent> {
  const { options, run, shutdown, log } = parts;
  const nodes = createDeviceNodes(join(options.stateDir, 'dev'), run);
  const metrics = createAgentMetrics(parts.metrics, () => slots.counts());
  const world = slotWorld(parts, metrics, () => nodes.hasVhostNet());
  // Slots speak before there is a report.
  const listeners: (() => void)[] = [];
  const slots = createSlots({ ...world, onChanged: () => listeners.forEach((listener) => listener()) }, nodes);
  shutdown.onClose('slots', () => slots.close());
  await nodes.prepare();
  await slots.start();
  const tcg = offer(parts, 'tcg', (slot) => slots.allocate(slot));
  const startKvm = (): Registration => offer(parts, 'kvm', (slot) => slots.allocate(slot));
  const accelerator = offerKvm(parts, metrics, startKvm).catch((error: unknown): Accelerator => {
    log.error({ err: error }, 'KVM could not be offered');
    return 'tcg';
  });
  const report = startReport(parts, { ...world, slots, accelerator });
  listeners.push(() => report.changed());
  return { ready: () => tcg.reason(), counts: () => slots.counts() };
}

function slotWorld(
  parts: AgentParts,
  metrics: AgentMetrics,
  hasVhostNet: () => boolean,
): Omit<SlotWorld, 'onEnded' | 'onChanged'> {
  const { options, client, clock, random, log, run, shutdown } = parts;
  const processes = createProcesses();
  const resources = createPodResources(join(options.kubeletDir, 'pod-resources', 'kubelet.sock'), () => clock.now());
  const events = createEventRecorder({ client, component: 'podvisor-agent', host: options.nodeName, clock, log });
  shutdown.onClose('kubelet connection', () => resources.close());
  shutdown.onClose('events', () => events.flush());
  return {
    nodeName: options.nodeName,
    ...{ client, clock, log, metrics, resources, processes, hasVhostNet },
    network: createNetworkApplier({ run, processes, cgroupRoot: options.cgroupRoot }),
    disks: realDiskFileSystem,
    pinner: createPinner(run, processes),
    memory: {
      ...createCpusets(processes, options.cgroupRoot),
      zones: () => readZones(treeAt(options.sysfs), treeAt('/proc')),
    },
    functions: createFunctions(run),
    files: createSlotFiles(options.stateDir, run),
    reporter: { client, events, clock, random },
    nodeDns: () => readNodeDns(options),
  };
}

function offer(parts: AgentParts, accelerator: Accelerator, allocate: Slots['allocate']): Registration {
  const { options, clock, log, shutdown } = parts;
  const directory = join(options.kubeletDir, 'device-plugins');
  const now = (): number => clock.now();
  const registration = keepRegistered({
    directory,
    clock,
    log: log.child({ accelerator }),
    start: () => startDevicePlugin({ directory, accelerator, slots: options.slots, allocate, now }),
  });
  shutdown.onClose(`${accelerator} device plugin`, () => registration.close());
  return registration;
}

/** The best accelerator of the node. */
async function offerKvm({ options, run, log }: AgentParts, metrics: AgentMetrics, start: () => void): Promise<Accelerator> {
  const { usable, reason } = await testKvm(options, run);
  log.info({ reason }, usable ? 'KVM is offered' : 'KVM is not offered');
  if (!usable) return 'tcg';
  metrics.kvmUsable.set(1);
  start();
  return 'kvm';
}

async function testKvm(options: AgentOptions, run: RunProgram): Promise<SelfTestResult> {
  if (!options.kvm) return { usable: false, reason: 'switched off' };
  if (!existsSync('/dev/kvm')) return { usable: false, reason: 'the node has no /dev/kvm' };
  return kvmSelfTest(options.kvmSelfTest, options.kvmSelfTestTimeout, run);
}
