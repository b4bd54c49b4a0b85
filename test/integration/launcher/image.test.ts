import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, BOOT_DISK } from './rig.ts';
import { useBench } from './use-bench.ts';

// What the launcher says to boot images, good and bad. Needs root.
const LIMIT = 90_000;

const bench = useBench();

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
      (d) => (
        cpSync(join(bench.roots().guest, 'disk/disk.qcow2'), join(d, 'a.qcow2')),
        truncateSync(join(d, 'a.qcow2'), 6_000_000)
      ),
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
    'T11: %s is rejected with 65',
    async (_, make, message) => {
      const image = bench.makeDirectory();
      mkdirSync(join(image, 'disk'));
      make(join(image, 'disk'));
      const container = bench.start({ boot: image });
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
      const image = bench.makeDirectory();
      const container = bench.start({ boot: image, args: ['kernel'] });
      expect(await container.exited).toBe(65);
      expect(container.terminationMessage()).toContain('The image has no /boot/vmlinuz');
    },
    LIMIT,
  );

  test(
    'with a raw disk boots',
    async () => {
      const image = bench.makeDirectory();
      mkdirSync(join(image, 'disk'));
      qemuImg('convert', '-O', 'raw', join(bench.roots().guest, 'disk/disk.qcow2'), join(image, 'disk/disk.img'));
      const container = bench.start({ boot: image });
      await container.sees('status', 'ready\n');
      container.sendArgv(argv(30, BOOT_DISK));
      await container.sees('stdout', 'GUEST READY');
      expect(statSync(join(container.scratch, 'root.qcow2')).size).toBeLessThan(4_000_000);
    },
    LIMIT,
  );
});
