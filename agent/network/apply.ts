import { closeSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Processes } from '../proc.ts';
import type { RunProgram } from '../run-program.ts';
import type { LauncherId } from '../slot-types.ts';
import { LAUNCHER_UID } from '../../api/names.ts';
import { type Link, parseGateway, parseLinks, parseListening } from './facts.ts';
import type { Helper } from './part.ts';
import type { NetworkPlan } from './plan.ts';

/** What {@link createNetworkApplier} needs. */
export interface ApplierOptions {
  readonly run: RunProgram;
  readonly processes: Processes;
  /** The node's /sys/fs/cgroup as the agent sees it. */
  readonly cgroupRoot: string;
}

/** Works in the network namespace of a launcher, from outside: the agent's own programs, none of the pod's. */
export interface NetworkApplier {
  links(launcher: LauncherId): Promise<Link[]>;
  /** Where the default route leads; undefined = there is none. */
  gateway(launcher: LauncherId): Promise<string | undefined>;
  apply(launcher: LauncherId, plan: NetworkPlan): Promise<void>;
  /** Paths of Unix sockets that somebody in the pod's network namespace listens on, as they were bound. */
  listening(launcher: LauncherId): Promise<readonly string[]>;
  /** Starts these alone; the last step of `apply`. */
  startHelpers(launcher: LauncherId, helpers: readonly Helper[]): Promise<void>;
}

/** DHCP runs as nobody: no file of the node is its own. Not QEMU's user, so that the tenant's shell cannot touch it. */
const DHCP_UID = 65_534;
/** Port 67, and the ARP entry of a guest that has no address yet. In the pod's network namespace only. */
const DHCP_CAPS = '-all,+net_admin,+net_bind_service';
/**
 * Moves itself into cgroups (its arguments up to `--`) and becomes the rest: so the DHCP server is the pod's from its first page, and
 * neither the death of the agent's container nor the kernel's memory accounts see it as the agent's.
 */
const JOIN_AND_EXEC = 'set -e; while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@"';

/** Options of nsenter for the first descriptor that is handed to it. */
const IN_NET = ['--net=/proc/self/fd/3', '--'];

/** An applier for this node. */
export function createNetworkApplier(options: ApplierOptions): NetworkApplier {
  const { run } = options;
  const inside = async <T>(
    launcher: LauncherId,
    kinds: readonly ('net' | 'pid')[],
    work: (fds: number[]) => Promise<T>,
  ): Promise<T> => {
    const fds = options.processes.openNamespaces(launcher, kinds);
    try {
      return await work(fds);
    } finally {
      fds.forEach((fd) => closeSync(fd));
    }
  };
  const ask = (launcher: LauncherId, ...args: readonly string[]): Promise<string> =>
    inside(launcher, ['net'], (fds) => run({ file: 'nsenter', args: [...IN_NET, ...args], fds }));
  return {
    links: async (launcher) => parseLinks(await ask(launcher, 'ip', '-d', '-j', 'address', 'show')),
    gateway: async (launcher) => parseGateway(await ask(launcher, 'ip', '-j', '-4', 'route', 'show', 'default')),
    listening: async (launcher) => parseListening(await ask(launcher, 'cat', '/proc/self/net/unix')),
    apply: (launcher, plan) =>
      inside(launcher, ['net', 'pid'], async (fds) => {
        const enter = (args: readonly string[], input: string): Promise<string> =>
          run({ file: 'nsenter', args: [...IN_NET, ...args], input, fds });
        if (plan.ip.length > 0) await enter(['ip', '-batch', '-'], `${plan.ip.join('\n')}\n`);
        if (plan.sysctls.length > 0) await enter(['tee', ...plan.sysctls.map((path) => `/proc/sys/${path}`)], '1\n');
        if (plan.nft !== '') await enter(['nft', '-f', '-'], plan.nft);
        await startAll(options, launcher, plan.helpers, fds);
      }),
    startHelpers: (launcher, helpers) => inside(launcher, ['net', 'pid'], (fds) => startAll(options, launcher, helpers, fds)),
  };
}

async function startAll(
  { run, processes, cgroupRoot }: ApplierOptions,
  launcher: LauncherId,
  helpers: readonly Helper[],
  fds: readonly number[],
): Promise<void> {
  const cgroups = processes.cgroups(launcher);
  for (const helper of helpers) {
    await run({ file: 'sh', args: helperCommand(cgroups, helper, cgroupRoot), fds, leavesDaemon: true });
  }
}

/** dnsmasq needs port 67 and the ARP entry of a guest that has no address yet; passt needs nothing, and is the tenant's own user. */
const IDENTITY: Readonly<Record<Helper['program'], { readonly uid: number; readonly capabilities: string }>> = {
  dnsmasq: { uid: DHCP_UID, capabilities: DHCP_CAPS },
  passt: { uid: LAUNCHER_UID, capabilities: '-all' },
};

function helperCommand(cgroups: string, { program, args, directory = '/' }: Helper, cgroupRoot: string): string[] {
  const { uid, capabilities } = IDENTITY[program];
  const caps = ['inh-caps', 'ambient-caps', 'bounding-set'].map((set) => `--${set}=${capabilities}`);
  return [
    ...['-c', JOIN_AND_EXEC, `podvisor-${program}`],
    ...cgroupFiles(cgroups, cgroupRoot, existsSync),
    '--',
    // In the launcher's pid namespace: it ends with the container, whoever else is alive.
    ...['nsenter', '--net=/proc/self/fd/3', '--pid=/proc/self/fd/4', `--wd=${directory}`, '--'],
    ...['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--no-new-privs', ...caps],
    ...[program, ...args],
  ];
}

/**
 * The cgroup.procs files of a process' cgroups, from its /proc/PID/cgroup (cgroups(7)): version 1 has a directory per controller list,
 * version 2 one tree, which a hybrid node mounts below `unified`.
 */
export function cgroupFiles(cgroups: string, root: string, exists: (path: string) => boolean): string[] {
  return cgroups.split('\n').flatMap((line) => {
    const [, controllers = '', ...path] = line.split(':');
    if (path.length === 0 || path.join(':') === '/') return [];
    const mounts = controllers === '' ? ['', 'unified'] : [controllers.replace(/^name=/, '')];
    const files = mounts.map((mount) => join(root, mount, path.join(':'), 'cgroup.procs'));
    return files.filter((file) => exists(file)).slice(0, 1);
  });
}
