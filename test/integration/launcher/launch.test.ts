import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { argv, BOOT_DISK, type Container } from './rig.ts';
import { useBench } from './use-bench.ts';

// Real PID 1, real QEMU (TCG), real guest; the agent is played by the test. Needs root. A guest boots in about 3 s.
const LIMIT = 90_000;
const NO_DISK_GUEST: readonly string[] = []; // firmware without anything to boot ignores the power button for ever

const bench = useBench();

async function boot(more: readonly string[] = BOOT_DISK, grace = 30): Promise<Container> {
  const container = bench.start();
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
      const container = bench.start({ args: ['kernel'] });
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
      const second = bench.start({ work: join(first.slot, '..') });
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
      const container = bench.start();
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
      const container = bench.start();
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
      const container = bench.start();
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

// A stand-in for QEMU that hears the power button at once, so that many rounds fit in seconds: the fault this guards
// against, dash losing an exit status in a trap within a trap, showed in one round of eight.
const OBEDIENT = [
  'exec 7<>/podvisor/scratch/ctl.in 8<>/podvisor/scratch/ctl.out; echo UP; while read -r command <&7; do case $command in',
  '*system_powerdown*) printf \'{"timestamp": {}, "event": "SHUTDOWN", "data": {"reason": "guest-shutdown"}}\\n\' >&8; exit 0 ;;',
  'esac; done',
].join(' ');

describe('SIGTERM many times at once', () => {
  test.each(Array.from({ length: 20 }, (_, round) => round))(
    'powers the guest off once and well, round %i',
    async () => {
      const container = bench.start();
      await container.sees('status', 'ready\n');
      container.sendArgv(['podvisor-argv 1 grace=30', '/bin/sh', '-c', OBEDIENT, 'end', ''].join('\n'));
      await container.sees('stdout', 'UP');
      for (let sent = 0; sent < 30 && container.running(); sent++) container.terminate();
      expect(await container.exited).toBe(0);
      expect(container.output.stderr.match(/Powering the guest off/g)).toHaveLength(1);
    },
    LIMIT,
  );
});

describe('QEMU', () => {
  test(
    'that does not take its arguments ends with 69 and its last words',
    async () => {
      const container = bench.start();
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
      const container = bench.start();
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
      const container = bench.start();
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
      const container = bench.start();
      await container.sees('status', 'ready\n');
      container.sendArgv('');
      await new Promise((resolve) => setTimeout(resolve, 300));
      container.sendArgv(argv(30, ['-device', 'no-such-device']));
      expect(await container.exited).toBe(69);
    },
    LIMIT,
  );
});
