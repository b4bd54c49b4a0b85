import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, BOOT_DISK, makeWork, startContainer, unpackImages, type Container, type Roots } from './rig.ts';

// Real PID 1, real QEMU (TCG), real guest; the agent is played by the test. Needs root. A guest boots in about 3 s.
const LIMIT = 90_000;
const NO_DISK_GUEST: readonly string[] = []; // firmware without anything to boot ignores the power button for ever

let roots: Roots;
const made: string[] = [];
const running: Container[] = [];

beforeAll(() => {
  roots = unpackImages();
  made.push(roots.directory);
}, 600_000);

afterEach(async () => {
  for (const container of running.splice(0)) {
    container.process.kill('SIGKILL');
    await container.exited;
  }
});

afterAll(() => {
  for (const path of made) rmSync(path, { recursive: true, force: true });
});

function start(options: { boot?: string; args?: readonly string[]; work?: string } = {}): Container {
  const work = options.work ?? makeWork();
  made.push(work);
  const container = startContainer({ roots, ...options, work });
  running.push(container);
  return container;
}

async function boot(more: readonly string[] = BOOT_DISK, grace = 30): Promise<Container> {
  const container = start();
  await container.sees('status', 'ready\n');
  container.sendArgv(argv(grace, more));
  await container.sees('stdout', 'GUEST READY');
  return container;
}

describe('a running guest', () => {
  test(
    'is powered off through ACPI on SIGTERM and syncs its disks: exit code 0',
    async () => {
      const container = await boot();
      container.terminate();
      expect(await container.exited).toBe(0);
      expect(container.output.stdout).toContain('POWER BUTTON: syncing and powering off');
      expect(container.terminationMessage()).toBe('The guest powered off.');
      expect(container.output.status).toBe('ready\n');
    },
    LIMIT,
  );

  test(
    'gets what is typed on stdin, and its own power-off is exit code 0',
    async () => {
      const container = await boot();
      container.process.stdin!.write('echo typed-$((40 + 2))\n');
      await container.sees('stdout', 'typed-42');
      container.process.stdin!.write('poweroff -f\n');
      expect(await container.exited).toBe(0);
    },
    LIMIT,
  );

  test(
    'reboots inside the same QEMU',
    async () => {
      const container = await boot();
      const before = container.qemuPid();
      container.output.stdout = '';
      container.process.stdin!.write('reboot -f\n');
      await container.sees('stdout', 'GUEST READY');
      expect(container.qemuPid()).toBe(before);
    },
    LIMIT,
  );

  test(
    'that panics ends with 70',
    async () => {
      const container = await boot();
      container.process.stdin!.write('echo c > /proc/sysrq-trigger\n');
      expect(await container.exited).toBe(70);
      expect(container.terminationMessage()).toContain('kernel panicked');
      expect(container.output.status).toContain('failed 70 GuestPanicked ');
    },
    LIMIT,
  );

  test(
    'boots from kernel and initrd too',
    async () => {
      const container = start({ args: ['kernel'] });
      await container.sees('status', 'ready\n');
      const files = [
        '-kernel',
        '/podvisor/boot/boot/vmlinuz',
        '-initrd',
        '/podvisor/boot/boot/initrd.img',
        '-append',
        'console=ttyS0 quiet panic=-1',
      ];
      container.sendArgv(argv(30, files));
      await container.sees('stdout', 'GUEST READY');
      container.terminate();
      container.terminate();
      expect(await container.exited).toBe(0);
    },
    LIMIT,
  );

  test(
    'does not notice that the agent is gone, and still ends well',
    async () => {
      const container = await boot();
      container.killAgent();
      container.process.stdin!.write('echo alive-$((40 + 2))\n');
      await container.sees('stdout', 'alive-42');
      container.terminate();
      expect(await container.exited).toBe(0);
    },
    LIMIT,
  );

  test(
    'keeps its disk over a container restart in the same pod',
    async () => {
      const first = await boot();
      first.process.stdin!.write('echo kept > /root/x; dd if=/root/x of=/dev/vda bs=512 seek=40000 conv=notrunc; poweroff -f\n');
      expect(await first.exited).toBe(0);
      const second = start({ work: join(first.slot, '..') });
      await second.sees('status', 'ready\n');
      second.sendArgv(argv(30, BOOT_DISK));
      await second.sees('stdout', 'GUEST READY');
      second.process.stdin!.write('dd if=/dev/vda bs=512 skip=40000 count=1 | head -n 1\n');
      await second.sees('stdout', 'kept');
    },
    LIMIT,
  );
});

describe('SIGTERM', () => {
  test(
    'before the arguments came ends with 143',
    async () => {
      const container = start();
      await container.sees('status', 'ready\n');
      container.terminate();
      expect(await container.exited).toBe(143);
      expect(container.terminationMessage()).toContain('before the virtual machine started');
    },
    LIMIT,
  );

  test(
    'right after QEMU started is not lost although the guest cannot hear it yet',
    async () => {
      const container = start();
      await container.sees('status', 'ready\n');
      container.sendArgv(argv(60, BOOT_DISK));
      while (container.qemuPid() === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
      container.terminate();
      expect(await container.exited).toBe(0);
      expect(container.output.stdout).toContain('POWER BUTTON');
    },
    LIMIT,
  );

  test(
    'to a guest that ignores the button forces it off before the grace period ends: 75',
    async () => {
      const container = start();
      await container.sees('status', 'ready\n');
      container.sendArgv(argv(6, NO_DISK_GUEST));
      while (container.qemuPid() === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
      container.terminate();
      expect(await container.exited).toBe(75);
      expect(container.terminationMessage()).toContain('ignored the power button until the end of the grace period (6 s)');
      expect(container.output.status).toContain('failed 75 ForcedOff ');
    },
    LIMIT,
  );
});

describe('QEMU', () => {
  test(
    'that does not take its arguments ends with 69 and its last words',
    async () => {
      const container = start();
      await container.sees('status', 'ready\n');
      container.sendArgv(argv(30, ['-device', 'no-such-device']));
      expect(await container.exited).toBe(69);
      expect(container.terminationMessage()).toContain("'no-such-device' is not a valid device model name");
      expect(container.output.stderr).toContain("'no-such-device' is not a valid device model name");
      expect(container.output.status).toMatch(/^ready\nfailed 69 QemuFailed .*no-such-device.*\n$/);
    },
    LIMIT,
  );

  test(
    'that is killed ends with 137',
    async () => {
      const container = start();
      await container.sees('status', 'ready\n');
      container.sendArgv(argv(30, NO_DISK_GUEST));
      while (container.qemuPid() === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
      process.kill(container.qemuPid()!, 'SIGKILL');
      expect(await container.exited).toBe(137);
      expect(container.terminationMessage()).toContain('out-of-memory killer');
    },
    LIMIT,
  );

  test(
    'inherits no descriptor of the launcher beyond stdio, and the launcher keeps no child but it',
    async () => {
      const container = await boot();
      const pid = container.qemuPid()!;
      const open = readdirSync(`/proc/${String(pid)}/fd`).map((fd) => readlinkSync(`/proc/${String(pid)}/fd/${fd}`));
      expect(open.filter((path) => path.includes('/run/podvisor') || path.includes('/slot/'))).toEqual([]);
      expect(open.filter((path) => path.endsWith('/ctl.in'))).toHaveLength(1); // QEMU's own chardev
      const launcher = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))![1]);
      expect(readFileSync(`/proc/${String(launcher)}/task/${String(launcher)}/children`, 'utf8').trim()).toBe(String(pid));
    },
    LIMIT,
  );
});

describe('the agent', () => {
  const badMessages: [string, string][] = [
    ['no header', 'qemu-system-x86_64\n-version\nend\n'],
    ['no end', 'podvisor-argv 1 grace=30\nqemu-system-x86_64\n'],
    ['no program', 'podvisor-argv 1 grace=30\nend\n'],
    ['a grace period that is no number', 'podvisor-argv 1 grace=soon\nqemu-system-x86_64\nend\n'],
    ['half a header', 'podvisor-arg'],
  ];
  test.each(badMessages)(
    'that sends %s is refused with 64',
    async (_, text) => {
      const container = start();
      await container.sees('status', 'ready\n');
      container.sendArgv(text);
      expect(await container.exited).toBe(64);
      expect(container.output.status).toContain('failed 64 LauncherProtocol ');
    },
    LIMIT,
  );

  test(
    'that goes away without a word is waited for again',
    async () => {
      const container = start();
      await container.sees('status', 'ready\n');
      container.sendArgv('');
      await new Promise((resolve) => setTimeout(resolve, 300));
      container.sendArgv(argv(30, ['-device', 'no-such-device']));
      expect(await container.exited).toBe(69);
    },
    LIMIT,
  );
});

describe('an image', () => {
  const qemuImg = (...args: string[]): void => void execFileSync('qemu-img', args, { stdio: 'ignore' });
  const disk = (name: string) => (directory: string) =>
    qemuImg('create', '-f', name.endsWith('.qcow2') ? 'qcow2' : 'raw', join(directory, name), '1M');
  const rejected: [string, (directory: string) => void, string][] = [
    ['without a disk', () => undefined, 'The image has no disk'],
    ['with two disks', (d) => (disk('a.qcow2')(d), disk('b.raw')(d)), 'The image has several disks: /disk/a.qcow2 /disk/b.raw.'],
    ['with text named qcow2', (d) => writeFileSync(join(d, 'a.qcow2'), 'hello'), '/disk/a.qcow2 is not a usable qcow2 image: '],
    [
      'that was cut short',
      (d) => (cpSync(join(roots.guest, 'disk/disk.qcow2'), join(d, 'a.qcow2')), truncateSync(join(d, 'a.qcow2'), 6_000_000)),
      '/disk/a.qcow2 is corrupt',
    ],
    [
      'with a backing file',
      (d) => qemuImg('create', '-f', 'qcow2', '-u', '-F', 'raw', '-b', '/etc/passwd', join(d, 'a.qcow2'), '1M'),
      '/disk/a.qcow2 has a backing file',
    ],
    [
      'with an external data file',
      (d) => qemuImg('create', '-f', 'qcow2', '-o', `data_file=${join(d, 'data')}`, join(d, 'a.qcow2'), '1M'),
      '/disk/a.qcow2 keeps its data in an external file',
    ],
    [
      'named raw with a qcow2 header',
      (d) => qemuImg('create', '-f', 'qcow2', join(d, 'a.img'), '1M'),
      '/disk/a.img is named as a raw disk but begins with a qcow2 header',
    ],
    ['with an empty raw disk', (d) => writeFileSync(join(d, 'a.raw'), ''), '/disk/a.raw is empty'],
    [
      'with a name that would forge a line',
      (d) => writeFileSync(join(d, 'a\nfailed 0 b.qcow2'), 'x'),
      '/disk/a failed 0 b.qcow2 is not a usable qcow2 image',
    ],
  ];
  test.each(rejected)(
    '%s is rejected with 65',
    async (_, make, message) => {
      const image = mkdtempSync(join(tmpdir(), 'podvisor-image-'));
      made.push(image);
      execFileSync('chmod', ['755', image]);
      mkdirSync(join(image, 'disk'));
      make(join(image, 'disk'));
      const container = start({ boot: image });
      expect(await container.exited).toBe(65);
      expect(container.terminationMessage()).toContain(message);
      expect(container.terminationMessage()).not.toContain('\n');
      expect(container.output.status).toMatch(/^failed 65 ImageRejected [^\n]+\n$/);
    },
    LIMIT,
  );

  test(
    'without a kernel is rejected with 65',
    async () => {
      const image = mkdtempSync(join(tmpdir(), 'podvisor-image-'));
      made.push(image);
      execFileSync('chmod', ['755', image]);
      const container = start({ boot: image, args: ['kernel'] });
      expect(await container.exited).toBe(65);
      expect(container.terminationMessage()).toContain('The image has no /boot/vmlinuz');
    },
    LIMIT,
  );

  test(
    'with a raw disk boots',
    async () => {
      const image = mkdtempSync(join(tmpdir(), 'podvisor-image-'));
      made.push(image);
      execFileSync('chmod', ['755', image]);
      mkdirSync(join(image, 'disk'));
      qemuImg('convert', '-O', 'raw', join(roots.guest, 'disk/disk.qcow2'), join(image, 'disk/disk.img'));
      const container = start({ boot: image });
      await container.sees('status', 'ready\n');
      container.sendArgv(argv(30, BOOT_DISK));
      await container.sees('stdout', 'GUEST READY');
      expect(statSync(join(container.scratch, 'root.qcow2')).size).toBeLessThan(4_000_000);
    },
    LIMIT,
  );
});

describe('kvm-selftest', () => {
  const run = (...args: string[]): { code: number; text: string } => {
    const script =
      'mount --make-rprivate / && mount -t tmpfs t "$0/dev" && mknod -m 666 "$0/dev/null" c 1 3 && mknod "$0/dev/urandom" c 1 9 && exec chroot "$0" kvm-selftest "$@"';
    try {
      return {
        code: 0,
        text: execFileSync('unshare', ['--mount', 'sh', '-c', script, roots.launcher, ...args], { encoding: 'utf8' }),
      };
    } catch (error) {
      const failed = error as { status: number; stdout: string };
      return { code: failed.status, text: failed.stdout };
    }
  };

  test(
    'says that TCG is usable',
    () => {
      expect(run('--accel', 'tcg', '60')).toEqual({ code: 0, text: 'tcg is usable: the self-test guest booted.\n' });
    },
    LIMIT,
  );

  test(
    'says that KVM is not usable where there is no /dev/kvm, and why',
    () => {
      const answer = run('--accel', 'kvm', '10');
      expect(answer.code).toBe(1);
      expect(answer.text).toMatch(/^kvm is not usable: QEMU ended with code 1: .*Could not access KVM kernel module.*\n$/);
    },
    LIMIT,
  );

  test(
    'says that a guest which does not come up in time makes it unusable',
    () => {
      expect(run('--accel', 'tcg', '1')).toMatchObject({ code: 1, text: expect.stringContaining('did not boot within 1 s') });
    },
    LIMIT,
  );
});
