import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import { argvText } from '../../../agent/argv-text.ts';
import { launcherArguments } from '../../../guest/launcher-arguments.ts';
import { qemuArgv } from '../../../guest/qemu-argv.ts';
import { guestSpec, nodeFacts } from '../../build/guest.ts';
import type { Container, ContainerOptions } from './rig.ts';
import { runInGuest, useBench } from './use-bench.ts';

// Firmware, TPM, cloud-init, clock, watchdog and buses: our own command lines with the real launcher, QEMU (TCG) and guest. Needs root.
const LIMIT = 240_000;
const CANARY = 'canary-4711-never-to-be-seen-outside';

const bench = useBench();

/** Starts the guest as admission and agent would, without a network. */
async function start(fields: Partial<GuestSpec>, options: Omit<ContainerOptions, 'roots' | 'args'> = {}): Promise<Container> {
  const guest = guestSpec({ networks: [], ...fields });
  const container = bench.start({ ...options, args: launcherArguments(guest) });
  await container.sees('status', 'ready\n');
  container.sendArgv(argvText(qemuArgv(guest, nodeFacts(guest)), 30));
  return container;
}

/** A Secret as the kubelet mounts it: links to a directory of the current version. */
function makeSecret(keys: Readonly<Record<string, string>>): string {
  const directory = bench.makeDirectory();
  mkdirSync(join(directory, '..data'));
  for (const [key, value] of Object.entries(keys)) {
    writeFileSync(join(directory, '..data', key), value);
    execFileSync('ln', ['-s', `..data/${key}`, join(directory, key)]);
  }
  return directory;
}

test(
  'UEFI, a TPM, a cloud-init seed and a clock of another zone, in one guest',
  async () => {
    const secret = makeSecret({ 'user-data': `#cloud-config\npassword: ${CANARY}\n`, 'network-config': 'version: 2\n' });
    const fields: Partial<GuestSpec> = {
      memoryBytes: 256 << 20, // GRUB runs out of memory in 128 MiB
      firmware: 'uefi',
      tpm: 'ephemeral',
      clock: 'Asia/Tokyo',
      cloudInit: { secret: 'seed' },
    };
    const container = await start(fields, { secret });
    await container.sees('stdout', 'GUEST READY');
    expect(await runInGuest(container, '[ -d /sys/firmware/efi ] && echo efi')).toBe('efi');
    expect(await runInGuest(container, 'cat /sys/class/tpm/tpm0/tpm_version_major')).toBe('2');
    const ahead = Number(await runInGuest(container, 'date -u +%s')) - Date.now() / 1000;
    expect(Math.round(ahead / 3600)).toBe(9);
    // Nothing of the Secret in a log, a message or a command line of any process.
    const seen = [...Object.values(container.output), container.terminationMessage(), ...commandLines()].join('\n');
    expect(seen).not.toContain(CANARY);
    expect(seen).toContain('/podvisor/seed/cidata.iso');
    expect(await runInGuest(container, 'mkdir -p /seed; mount -t iso9660 -o ro /dev/vdb /seed; ls /seed')).toBe(
      'meta-data       network-config  user-data',
    );
    expect(await runInGuest(container, 'cat /seed/user-data')).toContain(CANARY);
    expect(await runInGuest(container, 'cat /seed/meta-data')).toMatch(/^instance-id: (\S+)\nlocal-hostname: \1$/);
    expect(await runInGuest(container, 'head -c 0 /dev/vdb && dd if=/dev/zero of=/dev/vdb count=1 2>&1 | head -n 1')).toContain(
      'dd:',
    );
    container.terminate();
    expect(await container.exited).toBe(0);
    // The variables and the TPM's state are the pod's, for its next container.
    expect(existsSync(join(container.scratch, 'vars.fd'))).toBe(true);
    expect(readdirSync(join(container.scratch, 'tpm'))).toContain('tpm2-00.permall');
    const again = await start(fields, { secret, work: join(container.slot, '..') });
    await again.sees('stdout', 'GUEST READY');
  },
  LIMIT,
);

test(
  'Secure Boot starts the signed boot chain, from a SATA disk',
  async () => {
    const container = await start({ firmware: 'uefi-secure', bootDisk: { bus: 'sata', serial: 'S1' }, memoryBytes: 256 << 20 });
    await container.sees('stdout', 'GUEST READY');
    expect(await runInGuest(container, 'dmesg | grep -i "secure boot"')).toContain('Secure boot enabled');
    expect(await runInGuest(container, 'ls /sys/block')).not.toContain('vda');
  },
  LIMIT,
);

test(
  'Secure Boot does not start a boot loader that was changed',
  async () => {
    const boot = bench.makeDirectory();
    mkdirSync(join(boot, 'disk'));
    const [raw, loader] = [join(boot, 'raw'), join(boot, 'loader')];
    execFileSync('qemu-img', ['convert', '-O', 'raw', join(bench.roots().guest, 'disk/disk.qcow2'), raw]);
    execFileSync('mcopy', ['-i', raw, '::EFI/BOOT/BOOTX64.EFI', loader]);
    const bytes = readFileSync(loader);
    const index = bytes.length >> 1;
    bytes[index] = bytes[index]! ^ 1;
    writeFileSync(loader, bytes);
    execFileSync('mcopy', ['-o', '-i', raw, loader, '::EFI/BOOT/BOOTX64.EFI']);
    cpSync(raw, join(boot, 'disk/disk.raw'));
    const container = await start({ firmware: 'uefi-secure', memoryBytes: 256 << 20 }, { boot });
    await container.sees('stdout', 'Access Denied');
    expect(container.output.stdout).not.toContain('Linux version');
  },
  LIMIT,
);

test(
  'a guest that stops feeding its watchdog is switched off: exit code 71',
  async () => {
    const container = await start({ watchdog: 'poweroff' });
    await container.sees('stdout', 'GUEST READY');
    // What the i6300esb driver does (Linux, drivers/watchdog/i6300esb.c): unlock, two short stages, enable.
    const unlock = 'devmem $((b+12)) 16 0x80; devmem $((b+12)) 16 0x86';
    container.process.stdin!.write(
      `d=/sys/bus/pci/devices/0000:00:05.0; echo 1 >$d/enable; b=$(head -n 1 $d/resource | cut -d ' ' -f 1); ` +
        `${unlock}; devmem $b 32 0x100; ${unlock}; devmem $((b+4)) 32 0x100; printf '\\002' | dd of=$d/config bs=1 seek=104 conv=notrunc\n`,
    );
    expect(await container.exited).toBe(71);
    expect(container.output.status).toContain('failed 71 WatchdogFired ');
  },
  LIMIT,
);

test(
  'a Secret without a key for cloud-init ends with 66, which names the keys but no content',
  async () => {
    const guest = guestSpec({ networks: [], cloudInit: { secret: 'seed' } });
    const container = bench.start({ args: launcherArguments(guest), secret: makeSecret({ userdata: CANARY }) });
    expect(await container.exited).toBe(66);
    expect(container.terminationMessage()).toContain('none of the keys user-data, network-config, meta-data, vendor-data');
    expect(JSON.stringify(container.output)).not.toContain(CANARY);
  },
  LIMIT,
);

describe('huge pages', () => {
  const path = '/proc/sys/vm/nr_hugepages';
  const before = readFileSync(path, 'utf8');
  const free = (): number => Number(/^HugePages_Free:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);

  beforeAll(() => writeFileSync(path, String(Number(before) + 64)));
  afterAll(() => writeFileSync(path, before));

  test(
    'of 2 MiB are all of the RAM of a guest with two NUMA nodes',
    async () => {
      const spare = free();
      const container = await start({ hugepages: '2Mi', vcpus: 2, numa: { cells: 2 } });
      await container.sees('stdout', 'GUEST READY');
      expect(spare - free()).toBe(64);
      expect(await runInGuest(container, 'ls -d /sys/devices/system/node/node* | wc -l')).toBe('2');
      expect(await runInGuest(container, 'cat /sys/devices/system/node/node*/cpulist')).toBe('0\n1');
      container.terminate();
      expect(await container.exited).toBe(0);
      expect(free()).toBe(spare);
    },
    LIMIT,
  );

  test(
    'that are not there end the container with 69 and say so, before the guest starts',
    async () => {
      const guest = { hugepages: '2Mi', memoryBytes: 512 << 20 } as const;
      const container = await start(guest);
      expect(await container.exited).toBe(69);
      expect(container.terminationMessage()).toMatch(/allocate memory|preallocating memory/);
    },
    LIMIT,
  );
});

function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    });
}
