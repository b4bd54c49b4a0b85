// A node of two NUMA zones, on which the agent's own code binds guests that its own command line starts: dev/numa/host.ts v1|v2
// Runs inside the machine of dev/soak-numa alone. Says on the console where their pages really are.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bindMemory } from '../../agent/memory/bind.ts';
import { createCpusets } from '../../agent/memory/cpuset.ts';
import { memoryPlan } from '../../agent/memory/plan.ts';
import { createProcesses, startTimeOf } from '../../agent/proc.ts';
import { totalOf } from '../../agent/report/numa-maps.ts';
import { treeAt } from '../../agent/report/tree.ts';
import { readMemory } from '../../agent/report/vm-use.ts';
import { readZones } from '../../agent/report/zones.ts';
import type { VmFacts } from '../../agent/slot-types.ts';
import type { GuestSpec } from '../../api/guest-spec.ts';
import { planText } from '../../api/placement-plan.ts';
import { LAUNCHER_UID } from '../../api/names.ts';
import { qemuArgv } from '../../guest/qemu-argv.ts';
import { guestSpec } from '../../test/build/guest.ts';
import { vmFacts } from '../../test/build/vm-facts.ts';

const version = process.argv[2] ?? '';
const ROOT = '/sys/fs/cgroup';
const TREE = version === 'v2' ? ROOT : `${ROOT}/cpuset`;
const POD = 'kubepods/poduid';
const PAGES = 64;
const resources = { holdings: () => Promise.resolve({ cpus: [], devices: new Map<string, string[]>(), claimed: [] }) };
const memory = { ...createCpusets(createProcesses(), ROOT), zones: () => readZones(treeAt('/sys'), treeAt('/proc')) };

/** A container's cgroup below those of its pod, as the kubelet and its runtime leave it. */
function makeCgroup(name: string): string {
  const parts = [...POD.split('/'), name];
  for (const depth of parts.keys()) {
    const parent = join(TREE, ...parts.slice(0, depth));
    const child = join(parent, parts[depth]!);
    mkdirSync(child, { recursive: true });
    if (version === 'v2') writeFileSync(join(parent, 'cgroup.subtree_control'), '+cpuset');
    else for (const file of ['cpuset.cpus', 'cpuset.mems']) writeFileSync(join(child, file), readFileSync(join(parent, file)));
  }
  return join(TREE, ...parts);
}

function setPool(zone: number, pages: number): void {
  writeFileSync(`/sys/devices/system/node/node${zone}/hugepages/hugepages-2048kB/nr_hugepages`, String(pages));
}

interface Case {
  readonly name: string;
  /** Zone of the plan; none: there is no plan. */
  readonly zone?: number;
  readonly required?: boolean;
  /** Free pages of the planned zone when the agent looks, and when QEMU starts. */
  readonly pool?: number;
  readonly poolAtStart?: number;
}

/** One life of a container, whose threads all run on the CPU of zone 0, where the kernel would take pages from. */
async function round({ name, zone, required = false, pool = 128, poolAtStart = pool }: Case): Promise<void> {
  setPool(1, pool);
  const boot = { mode: 'kernel', image: 'localhost/podvisor/guest:dev', pullPolicy: 'IfNotPresent' } as const;
  const guest = guestSpec({ boot, hugepages: '2Mi', networks: [], placement: { hugepages: required ? 'require' : 'prefer' } });
  const argv = qemuArgv(guest, { accelerator: 'tcg', vhostNet: false, nics: [] });
  const script = 'read -r go && exec taskset 1 "$@"';
  const child = spawn('sh', ['-c', script, 'launcher', ...argv], { uid: LAUNCHER_UID, gid: LAUNCHER_UID, stdio: ['pipe', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  const pid = child.pid!;
  writeFileSync(join(makeCgroup(name.replaceAll(' ', '-')), 'cgroup.procs'), String(pid));
  const launcher = { pid, startTime: startTimeOf(readFileSync(`/proc/${pid}/stat`, 'utf8')) };
  const bound = await bindMemory({ memory, resources }, { vm: planned(guest, zone), launcher }, 'tcg-0');
  console.log(`HOST ${version} ${name}: agent: ${bound.ok ? `starts it: ${bound.note}` : `refuses: ${bound.reason}`}`);
  setPool(1, poolAtStart);
  if (bound.ok) console.log(`HOST ${version} ${name}: ${await started(child, launcher)}`);
  child.kill('SIGKILL');
  await ended;
} // prettier-ignore

/** The VM as the agent knows it; its plan is read from an annotation. */
function planned(guest: GuestSpec, zone: number | undefined): VmFacts {
  const text = zone === undefined ? undefined : planText({ zones: [{ id: zone, cpus: 0, amount: PAGES }], functions: [] });
  const plan = memoryPlan(guest, text);
  return vmFacts({ guest, ...(plan === undefined ? {} : { memoryPlan: plan }) });
}

/** Where QEMU's pages are once it has all of them, as the report reads it, or QEMU's last words. */
async function started(child: ChildProcess, launcher: { pid: number; startTime: string }): Promise<string> {
  let words = '';
  child.stderr?.on('data', (data: Buffer) => (words += data.toString()));
  child.stdin?.write('go\n');
  const vm = { podUid: '', slot: '', launcher, memoryBytes: PAGES * 2 ** 21, hugepages: '2Mi' as const, functions: [] };
  const world = { proc: treeAt('/proc'), numaStat: () => '' };
  while (child.exitCode === null) {
    const { pages } = readMemory(world, vm);
    if (totalOf(pages) === PAGES) return `pages ${[...pages].map(([zone, count]) => `zone ${zone}: ${count}`).join(', ')}`;
    await sleep(200);
  }
  return `QEMU ended with ${child.exitCode}: ${words.trim().split('\n').at(-1) ?? ''}`;
}

setPool(0, 128);
await round({ name: 'no plan' });
await round({ name: 'planned in zone 1', zone: 1 });
await round({ name: 'required in zone 1', zone: 1, required: true });
await round({ name: 'required where pages are short', zone: 1, required: true, pool: 32 });
await round({ name: 'preferred where pages are short', zone: 1, pool: 32 });
await round({ name: 'pages go after the look', zone: 1, required: true, poolAtStart: 32 });
