import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '../../../api/pod.ts';
import type { KubeClient, KubePatch } from '../../../kube/client.ts';
import { KubeError } from '../../../kube/errors.ts';

/** Programs the agent drives; the tests need the real ones, and root. */
const PROGRAMS = ['ip', 'nft', 'dnsmasq', 'nsenter', 'setpriv', 'taskset', 'unshare', 'qemu-system-x86_64', 'busybox'];

/** '' = the machine can run these tests. */
export function whyNot(): string {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = PROGRAMS.filter((program) => spawnSync('which', [program]).status !== 0);
  return missing.length === 0 ? '' : `needs ${missing.join(', ')}`;
}

export function run(file: string, ...args: string[]): string {
  return execFileSync(file, args, { encoding: 'utf8' });
}

export async function until(what: string, holds: () => boolean, ms = 15_000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** An API server with one pod, which can be away. */
export interface FakeApi extends KubeClient {
  away: boolean;
  pod: Pod;
  /** ResourceSlices. */
  slices: object[];
  readonly patches: { path: string; body: StatusPatch }[];
  readonly events: { reason: string; type: string; note: string }[];
}
export interface StatusPatch {
  metadata: { uid: string };
  status: { conditions: { type: string; status: string; reason: string; message: string }[] };
}

export function fakeApi(pod: Pod): FakeApi {
  const check = (): void => {
    if (api.away) throw new KubeError(0, 'Unreachable', 'the API server is away');
  };
  const api = {
    away: false,
    pod,
    slices: [] as object[],
    patches: [] as FakeApi['patches'],
    events: [] as FakeApi['events'],
    get: (path: string) =>
      Promise.resolve()
        .then(check)
        .then(() => {
          if (path.includes('/nodereports')) throw new KubeError(404, 'NotFound', 'no report, and no kind of it');
        })
        .then(() => (path.endsWith('/resourceslices') ? { metadata: { resourceVersion: '1' }, items: api.slices } : api.pod)),
    create: (path: string, body: unknown) =>
      Promise.resolve()
        .then(check)
        .then(() => {
          if (!path.endsWith('/events')) throw new KubeError(404, 'NotFound', 'no such kind');
          api.events.push(body as FakeApi['events'][number]);
        }),
    patch: (path: string, patch: KubePatch) =>
      Promise.resolve()
        .then(check)
        .then(() => void api.patches.push({ path, body: patch.body as StatusPatch })),
  };
  return api as unknown as FakeApi;
}

/** A pod as a runtime makes it: network namespace with eth0, a cgroup with its uid, its launcher in own pid and mount namespaces. */
export interface FakePod {
  readonly directory: string;
  /** Runs a program in the network namespace outside, next to the pod. */
  outside(...args: string[]): string;
  inside(...args: string[]): string;
  launch(slotDirectory: string, tun: string): ChildProcess;
  readonly argvFile: string;
  clean(): void;
}

const LAUNCHER = `#!/bin/sh
echo ready > /run/podvisor/status
while :; do
  : > "$1"
  while read -r line; do echo "$line" >> "$1"; [ "$line" = end ] && break; done < /run/podvisor/argv
  [ ! -s "$1" ] || break
done
qemu-system-x86_64 -M q35 -accel tcg,tb-size=32 -m 32 -nodefaults -no-user-config -display none \\
  -chardev socket,id=qmp,path=/run/podvisor/qmp.sock,server=off,reconnect=1 -mon chardev=qmp,mode=control \\
  -netdev tap,id=n,ifname=pvtap0,script=no,downscript=no -device virtio-net-pci,netdev=n,romfile= &
wait $!
code=$?
[ $code -eq 0 ] || echo "failed 69 QemuFailed QEMU ended with code $code" > /run/podvisor/status
exit $code
`;

export function fakePod(name: string, uid: string): FakePod {
  const directory = mkdtempSync(join(tmpdir(), 'podvisor-agent-'));
  chmodSync(directory, 0o755);
  const [pod, out] = [`${name}-pod`, `${name}-out`];
  run('ip', 'netns', 'add', pod);
  run('ip', 'netns', 'add', out);
  run('ip', '-n', pod, 'link', 'add', 'eth0', 'mtu', '1450', 'type', 'veth', 'peer', 'name', 'peer0', 'netns', out);
  for (const [netns, link, address] of [
    [pod, 'eth0', '10.99.0.2/24'],
    [out, 'peer0', '10.99.0.1/24'],
  ] as const) {
    run('ip', '-n', netns, 'address', 'add', address, 'dev', link);
    run('ip', '-n', netns, 'link', 'set', link, 'up');
    run('ip', '-n', netns, 'link', 'set', 'lo', 'up');
  }
  const cgroups = cgroupDirectories(`podvisor-test-${name}/pod${uid}`);
  for (const cgroup of cgroups) mkdirSync(cgroup, { recursive: true });
  const script = join(directory, 'launcher');
  writeFileSync(script, LAUNCHER, { mode: 0o755 });
  const argvFile = join(directory, 'argv');
  return {
    directory,
    argvFile,
    outside: (...args) => run('ip', 'netns', 'exec', out, ...args),
    inside: (...args) => run('ip', 'netns', 'exec', pod, ...args),
    launch: (slotDirectory, tun) => {
      writeFileSync(argvFile, '');
      chmodSync(argvFile, 0o666);
      const mounts = `mount --bind ${slotDirectory} /run/podvisor && mount -o remount,bind,ro /run/podvisor && mount --bind ${tun} /dev/net/tun`;
      const user = 'setpriv --reuid=107 --regid=107 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all';
      const inner = `${mounts} && exec ${user} ${script} ${argvFile}`;
      const join_ = cgroups.map((cgroup) => `echo $$ > ${cgroup}/cgroup.procs`).join(' && ');
      mkdirSync('/run/podvisor', { recursive: true });
      const unshare = `unshare --pid --fork --mount --propagation=private --kill-child --mount-proc`;
      const child = spawn('sh', ['-c', `${join_} && exec nsenter --net=/run/netns/${pod} ${unshare} sh -c '${inner}'`], {
        stdio: 'inherit',
      });
      return child;
    },
    clean: () => {
      killAll(uid);
      for (const netns of [pod, out]) spawnSync('ip', ['netns', 'delete', netns]);
      for (const cgroup of cgroups) removeCgroup(cgroup);
      rmSync(directory, { recursive: true });
    },
  };
}

/** What stands in for a guest. */
export interface PluggedGuest {
  run(...args: string[]): string;
  /** Ends what runs in it, and it. */
  unplug(): void;
  /** What its DHCP client was given. */
  readonly lease: Readonly<Record<string, string>>;
}

/** A stand-in for the guest on the bridge: the same MAC, a DHCP client and a web server. */
export function plugGuest(pod: FakePod, mac: string): PluggedGuest {
  const netns = 'pvagent-guest';
  run('ip', 'netns', 'add', netns);
  const inGuest = (...args: string[]) => run('ip', 'netns', 'exec', netns, ...args);
  run('ip', '-n', 'pvagent-pod', 'link', 'add', 'vguest', 'type', 'veth', 'peer', 'name', 'eth0', 'address', mac, 'netns', netns);
  run('ip', '-n', 'pvagent-pod', 'link', 'set', 'vguest', 'master', 'pvbr0', 'up');
  run('ip', '-n', netns, 'link', 'set', 'eth0', 'up');
  const script = join(pod.directory, 'lease');
  run('sh', '-c', `printf '#!/bin/sh\\n[ "$1" = bound ] && env > ${script}.txt\\nexit 0\\n' > ${script} && chmod +x ${script}`);
  inGuest('busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '5', '-T', '1', '-O', 'mtu', '-s', script);
  const lines = readFileSync(`${script}.txt`, 'utf8').trim().split('\n');
  const lease = Object.fromEntries(lines.map((line) => line.split('=', 2))) as PluggedGuest['lease'];
  run('ip', '-n', netns, 'address', 'add', '10.0.2.2/24', 'dev', 'eth0');
  run('ip', '-n', netns, 'route', 'add', 'default', 'via', '10.0.2.1');
  run('sh', '-c', `mkdir ${pod.directory}/www && echo from the guest > ${pod.directory}/www/index.html`);
  inGuest('busybox', 'httpd', '-h', `${pod.directory}/www`, '-p', '80');
  const unplug = (): void => {
    const pids = run('ip', 'netns', 'pids', netns).split('\n').filter(Boolean);
    for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
    run('ip', 'netns', 'delete', netns);
  };
  return { run: inGuest, unplug, lease };
}

function cgroupDirectories(path: string): string[] {
  const root = '/sys/fs/cgroup';
  if (existsSync(join(root, 'cgroup.procs'))) return [join(root, path)];
  return ['memory', 'pids'].map((controller) => join(root, controller, path)).filter((path) => existsSync(join(path, '../..')));
}

function removeCgroup(path: string): void {
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      rmdirSync(path);
      return rmdirSync(join(path, '..'));
    } catch {
      spawnSync('sleep', ['0.1']);
    }
  }
}

/** Living processes of a pod's cgroup: pid and command name. */
function pidsOf(uid: string): [number, string][] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid): [number, string][] => {
    try {
      if (!readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`pod${uid}`)) return [];
      if (readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z')) return [];
      return [[Number(pid), readFileSync(`/proc/${pid}/comm`, 'utf8').trim()]];
    } catch {
      return [];
    }
  });
}

/** Command names of a pod's processes; `unshare` stands for the runtime's shim. */
export function processesOf(uid: string): string[] {
  return pidsOf(uid)
    .map(([, name]) => name)
    .filter((name) => name !== 'unshare');
}

/** Kills a pod's processes of one name, or all of them as a runtime does. */
export function killAll(uid: string, name?: string): void {
  for (const [pid, comm] of pidsOf(uid)) {
    if (name === undefined || comm === name) spawnSync('kill', ['-9', String(pid)]);
  }
}
