import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The launcher's user in every VM pod. */
const USER = 107;

/** Root file systems unpacked from the image archives: the launcher's and guest-tiny's. */
export interface Roots {
  readonly directory: string;
  readonly launcher: string;
  readonly guest: string;
}

/** Builds the two images (nothing to do when they are cached) and unpacks them. Needs root. */
export function unpackImages(): Roots {
  const archives = execFileSync('dev/images/build', ['launcher', 'guest-tiny'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [launcherArchive, guestArchive] = archives.trim().split('\n');
  const directory = mkdtempSync(join(tmpdir(), 'podvisor-images-'));
  return {
    directory,
    launcher: unpack(launcherArchive!, join(directory, 'launcher')),
    guest: unpack(guestArchive!, join(directory, 'guest')),
  };
}

function unpack(archive: string, target: string): string {
  mkdirSync(target, { recursive: true });
  const manifest = JSON.parse(execFileSync('tar', ['-xOf', archive, 'manifest.json'], { encoding: 'utf8' })) as {
    Layers: string[];
  }[];
  for (const layer of manifest[0]!.Layers) {
    execFileSync('sh', ['-c', 'tar -xOf "$1" "$2" | tar -C "$3" -xf -', 'sh', archive, layer, target]);
  }
  return target;
}

/** One launcher "container": its directories, its fake agent and the process. */
export interface Container {
  readonly process: ChildProcess;
  readonly slot: string;
  readonly scratch: string;
  /** Everything on stdout (the guest's serial console), stderr, and lines the launcher sent to the agent. */
  readonly output: { stdout: string; stderr: string; status: string };
  /** Fulfilled with the exit code of PID 1. */
  readonly exited: Promise<number | null>;
  terminationMessage(): string;
  /** Answers the launcher's wait for QEMU's arguments, raw text. */
  sendArgv(text: string): void;
  /** Waits until a text shows up in one of the outputs; throws with all that was seen when the container ends first. */
  sees(stream: 'stdout' | 'stderr' | 'status', text: string): Promise<void>;
  /** Whether PID 1 lives. */
  running(): boolean;
  /** SIGTERM to PID 1, as the kubelet sends it. */
  terminate(): void;
  /** SIGKILL to PID 1, which takes the whole container with it. */
  kill(): void;
  /** Pid of QEMU on this machine, or undefined. */
  qemuPid(): number | undefined;
  /** The agent's end of the slot goes away: FIFO readers and the QMP socket. */
  killAgent(): void;
}

// A container as containerd makes it, as far as the launcher can tell: own pid and mount namespaces, read-only root,
// read-only slot and boot image, its own /dev, no capability left after the change of user.
const SETUP = `
set -e
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs tmpfs "$ROOT/dev"
for node in null:3 zero:5 random:8 urandom:9; do mknod -m 666 "$ROOT/dev/\${node%:*}" c 1 "\${node#*:}"; done
touch "$ROOT/dev/termination-log"
mount --bind "$WORK/termination-log" "$ROOT/dev/termination-log"
mount --bind "$WORK/slot" "$ROOT/run/podvisor"
mount -o remount,bind,ro "$ROOT/run/podvisor"
mount --bind "$BOOT" "$ROOT/podvisor/boot"
mount -o remount,bind,ro "$ROOT/podvisor/boot"
mount --bind "$WORK/scratch" "$ROOT/podvisor/scratch"
mount -t tmpfs -o mode=777 tmpfs "$ROOT/podvisor/seed"
printf '%s\n' "$DEVICES" | while read -r path kind major minor; do
  [ -n "$path" ] || continue
  mkdir -p "$ROOT\${path%/*}"
  mknod -m 666 "$ROOT$path" "$kind" "$major" "$minor"
done
if [ -n "$SECRET" ]; then mount --bind "$SECRET" "$ROOT/podvisor/cloud-init"; fi
mount -o remount,bind,ro "$ROOT"
exec env -i PATH=/usr/bin:/usr/sbin setpriv --no-new-privs chroot --userspec=${String(USER)}:${String(USER)} "$ROOT" /usr/bin/podvisor-launch "$@"
`;

export interface ContainerOptions {
  readonly roots: Roots;
  /** Directory that is the boot image; default guest-tiny's. */
  readonly boot?: string;
  readonly args?: readonly string[];
  /** Directory that is the Secret of cloud-init. */
  readonly secret?: string;
  /** Device nodes as the runtime makes them: `PATH KIND MAJOR MINOR`. */
  readonly devices?: readonly string[];
  /** Directory of an earlier container whose scratch and slot are taken over: a container restart in one pod. */
  readonly work?: string;
}

/** A fresh directory with slot, scratch and termination log, removed by the caller. */
function makeWork(): string {
  const work = mkdtempSync(join(tmpdir(), 'podvisor-launch-'));
  chmodSync(work, 0o755);
  mkdirSync(join(work, 'slot'));
  mkdirSync(join(work, 'scratch'));
  chownSync(join(work, 'scratch'), USER, USER);
  execFileSync('mkfifo', ['-m', '666', join(work, 'slot/status')]);
  execFileSync('mkfifo', ['-m', '644', join(work, 'slot/argv')]);
  writeFileSync(join(work, 'termination-log'), '');
  chmodSync(join(work, 'termination-log'), 0o666);
  return work;
}

function listenQmp(path: string): Server {
  rmSync(path, { force: true });
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  server.listen(path, () => chmodSync(path, 0o666));
  return server;
}

/** Starts the launcher with a fake agent beside it. */
function startContainer(options: ContainerOptions): Container {
  const work = options.work ?? makeWork();
  const slot = join(work, 'slot');
  const child = spawn(
    'unshare',
    ['--pid', '--fork', '--mount', '--ipc', 'sh', '-c', SETUP, 'sh', ...(options.args ?? ['disk'])],
    {
      env: {
        ...process.env,
        ROOT: options.roots.launcher,
        WORK: work,
        BOOT: options.boot ?? options.roots.guest,
        SECRET: options.secret ?? '',
        DEVICES: (options.devices ?? []).join('\n'),
      },
    },
  );
  const output = { stdout: '', stderr: '', status: '' };
  const helpers: ChildProcess[] = [];
  const qmp = listenQmp(join(slot, 'qmp.sock'));
  // Opened for both, so that it neither blocks nor ends; QEMU never gets these.
  const reader = spawn('sh', ['-c', 'exec cat <>"$1"', 'sh', join(slot, 'status')], { stdio: ['ignore', 'pipe', 'ignore'] });
  helpers.push(reader);
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  reader.stdout.setEncoding('utf8').on('data', (text: string) => (output.status += text));
  child.stdin.on('error', () => undefined);
  const killAgent = (): void => {
    for (const helper of helpers) helper.kill('SIGKILL');
    qmp.close();
    rmSync(join(slot, 'qmp.sock'), { force: true });
  };
  const exited = new Promise<number | null>((resolve) => child.on('close', (code) => setTimeout(() => resolve(code), 50)));
  void exited.then(killAgent);
  return {
    process: child,
    slot,
    scratch: join(work, 'scratch'),
    output,
    exited,
    terminationMessage: () => readFileSync(join(work, 'termination-log'), 'utf8').trim(),
    sendArgv: (text) => {
      const writer = spawn('sh', ['-c', 'exec cat >"$1"', 'sh', join(slot, 'argv')], { stdio: ['pipe', 'ignore', 'ignore'] });
      helpers.push(writer);
      writer.stdin.end(text);
    },
    sees: (stream, text) => waitFor(child, output, () => output[stream].includes(text), `"${text}" on ${stream}`),
    running: () => childrenOf(child.pid!).length > 0,
    terminate: () => process.kill(childrenOf(child.pid!)[0]!, 'SIGTERM'),
    kill: () => childrenOf(child.pid!).forEach((pid) => process.kill(pid, 'SIGKILL')),
    qemuPid: () => childrenOf(childrenOf(child.pid!)[0] ?? 0).find(isQemu),
    killAgent,
  };
}

function isQemu(pid: number): boolean {
  return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').startsWith('qemu-system');
}

function childrenOf(pid: number): number[] {
  const path = `/proc/${String(pid)}/task/${String(pid)}/children`;
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').split(' ').filter(Boolean).map(Number);
}

async function waitFor(child: ChildProcess, output: Container['output'], done: () => boolean, what: string): Promise<void> {
  while (!done()) {
    if (child.exitCode !== null)
      throw new Error(`the container ended (${String(child.exitCode)}) before ${what}: ${JSON.stringify(output, null, 1)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Containers and directories, ended and removed by whoever asked for them. */
export interface Bench {
  start(options?: Omit<ContainerOptions, 'roots'>): Container;
  /** A directory that goes away with the rest. */
  keep(path: string): string;
  /** Ends what runs. */
  stop(): Promise<void>;
  /** Removes all directories. */
  clean(): void;
}

export function makeBench(roots: Roots): Bench {
  const made = [roots.directory];
  const running: Container[] = [];
  const keep = (path: string): string => {
    made.push(path);
    return path;
  };
  return {
    keep,
    start: (options = {}) => {
      const container = startContainer({ roots, ...options, work: options.work ?? keep(makeWork()) });
      running.push(container);
      return container;
    },
    stop: async () => {
      for (const container of running.splice(0)) {
        container.kill();
        await container.exited;
      }
    },
    clean: () => {
      for (const path of made) rmSync(path, { recursive: true, force: true });
    },
  };
}

/** The agent's message: header, QEMU with a serial console and the agent's QMP monitor, then `more`, and the end. */
export function argv(grace: number, more: readonly string[]): string {
  const qemu = [
    ...[
      'qemu-system-x86_64',
      '-M',
      'q35',
      '-accel',
      'tcg,tb-size=32',
      '-m',
      '96',
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
    ],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny'],
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console', '-device', 'pvpanic-pci'],
    ...['-chardev', 'socket,id=qmp,path=/run/podvisor/qmp.sock,server=off,reconnect-ms=1000', '-mon', 'chardev=qmp,mode=control'],
  ];
  return [`podvisor-argv 1 grace=${String(grace)}`, ...qemu, ...more, 'end', ''].join('\n');
}

/** The overlay the launcher made, as the boot disk. */
export const BOOT_DISK = [
  '-blockdev',
  'driver=qcow2,node-name=root,file.driver=file,file.filename=/podvisor/scratch/root.qcow2',
  '-device',
  'virtio-blk-pci,drive=root',
] as const;
