import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Accelerator } from '../../api/guest-spec.ts';
import type { NodeReportStatus } from '../../api/node-report.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Log } from '../../runtime/log.ts';
import { cgroupFiles } from '../network/apply.ts';
import type { PodResources } from '../pod-resources.ts';
import type { RunProgram } from '../run-program.ts';
import { cpuVendor } from './cpu-vendor.ts';
import { type KubeletFacts, NO_KUBELET_FACTS } from './kubelet-facts.ts';
import { nodeReportStatus } from './node-report.ts';
import type { PhysicalNetwork } from './physical-networks.ts';
import { NO_QEMU_FACTS, type QemuFacts, readQemuFacts } from './qemu-facts.ts';
import type { RunningVms } from './running-vms.ts';
import type { Tree } from './tree.ts';
import { isSettled, type MemoryUse, type MemoryWorld, readMemory, type RunningVm } from './vm-use.ts';

/** What {@link createReader} needs. */
export interface ReaderOptions {
  readonly nodeName: string;
  readonly networks: readonly PhysicalNetwork[];
  readonly sys: Tree;
  readonly proc: Tree;
  numaStat(pid: number): string;
  readonly resources: Pick<PodResources, 'facts'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly run: RunProgram;
  /** Settles when the self-test is over. */
  readonly accelerator: Promise<Accelerator>;
  vms(): RunningVms;
}

/** Reads the node. */
export interface Reader {
  /** `fresh`: VMs changed, so the kubelet is asked again even if it was just now. */
  read(fresh: boolean): Promise<{ readonly status: NodeReportStatus; readonly starting: boolean }>;
}

/** Between two questions to the kubelet, while no VM comes or goes; nothing leaves the node for them. */
const KUBELET_MS = 30_000;

/** What never changes while the agent lives. */
interface FixedFacts {
  readonly accelerator: Accelerator;
  readonly qemu: QemuFacts;
  readonly cpuVendor: string;
}

/** A reader; QEMU is asked once, at the first read. */
export function createReader(options: ReaderOptions): Reader {
  const { nodeName, networks, sys, proc, clock } = options;
  const askKubelet = kubeletReader(options);
  const memoryOf = memoryReader(options);
  let fixed: Promise<FixedFacts> | undefined;
  return {
    read: async (fresh) => {
      fixed ??= fixedFacts(options);
      const facts = await fixed;
      const kubelet = await askKubelet(fresh);
      const { vms, starting } = options.vms();
      const held = memoryOf(vms);
      const now = clock.now();
      return { status: nodeReportStatus({ ...facts, nodeName, networks, kubelet, vms: held, sys, proc, now }), starting };
    },
  };
}

async function fixedFacts({ accelerator: tested, proc, run, log }: ReaderOptions): Promise<FixedFacts> {
  const accelerator = await tested;
  const qemu = await readQemuFacts(accelerator, run).catch((error: unknown) => {
    log.warn({ reason: messageOf(error) }, 'QEMU does not say what it can');
    return NO_QEMU_FACTS;
  });
  return { accelerator, qemu, cpuVendor: cpuVendor(proc.text('cpuinfo')) };
}

/** The kubelet's answer, or its last one while it is away: its restart changes nothing on the node. */
function kubeletReader({ resources, clock, log }: ReaderOptions): (fresh: boolean) => Promise<KubeletFacts> {
  let last = { at: -Infinity, facts: NO_KUBELET_FACTS };
  return async (fresh) => {
    if (!fresh && clock.now() < last.at + KUBELET_MS) return last.facts;
    try {
      last = { at: clock.now(), facts: await resources.facts() };
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'the kubelet does not say what it gives out');
    }
    return last.facts;
  };
}

/** Memory of all VMs; of those that hold what they were promised, as it was. */
function memoryReader(world: MemoryWorld): (vms: readonly RunningVm[]) => { vm: RunningVm; memory: MemoryUse }[] {
  let settled = new Map<string, MemoryUse>();
  const keyOf = ({ launcher, slot }: RunningVm): string => `${slot} ${launcher.pid} ${launcher.startTime}`;
  return (vms) => {
    const held = vms.map((vm) => ({ vm, memory: settled.get(keyOf(vm)) ?? readMemory(world, vm) }));
    settled = new Map(held.filter(({ vm, memory }) => isSettled(vm, memory)).map(({ vm, memory }) => [keyOf(vm), memory]));
    return held;
  };
}

/** memory.numa_stat of the cgroup of a process: in version 1 beside the memory controller, in version 2 in the one tree. */
export function numaStatReader(proc: Tree, cgroupRoot: string): (pid: number) => string {
  return (pid) => {
    const files = cgroupFiles(proc.text(`${pid}/cgroup`), cgroupRoot, () => true);
    const texts = files.map((file) => {
      try {
        return readFileSync(join(dirname(file), 'memory.numa_stat'), 'utf8');
      } catch {
        return '';
      }
    });
    return texts.find((text) => text !== '') ?? '';
  };
}
