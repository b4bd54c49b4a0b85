import { open, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect } from '@jest/globals';
import { apply } from './harness/kubectl.ts';
import { eventually } from '../build/eventually.ts';
import { loadImage, qemuImg } from './harness/image.ts';
import { onLocalCluster } from './harness/local.ts';
import { vmPod } from './harness/objects.ts';
import { condition, deletePod, events, getPod, waitTerminated } from './harness/vm.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';

const ns = useNamespace('e2e-images');
const reference = (name: string): string => `localhost/podvisor-e2e/${name}:dev`;

interface BadImage {
  readonly name: string;
  readonly is: string;
  readonly says: RegExp;
  readonly fill: (disk: string) => Promise<void>;
}

const badImages: readonly BadImage[] = [
  {
    name: 'no-disk',
    is: 'an image without a disk',
    says: /no disk.*\/disk\/\*\.qcow2/,
    fill: (disk) => writeFile(join(disk, 'README'), 'nothing'),
  },
  {
    name: 'corrupt',
    is: 'a corrupt qcow2',
    says: /not a usable qcow2|corrupt/,
    fill: (disk) => writeFile(join(disk, 'a.qcow2'), 'QFI\xfb but no more', 'latin1'),
  },
  {
    name: 'torn',
    is: 'a qcow2 whose tables point nowhere',
    says: /corrupt|not a usable qcow2/,
    fill: async (disk) => {
      const file = join(disk, 'a.qcow2');
      await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', file, '8M');
      const handle = await open(file, 'r+');
      // The L1 table offset (bytes 40-47, QEMU's docs/interop/qcow2.txt) now lies far behind the end of the file.
      await handle.write(Buffer.from('0000100000000000', 'hex'), 0, 8, 40);
      await handle.close();
    },
  },
  {
    name: 'backing',
    is: 'a qcow2 with a backing file',
    says: /backing file/,
    fill: (disk) => qemuImg('create', '-q', '-u', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', join(disk, 'a.qcow2'), '8M'),
  },
  {
    name: 'data-file',
    is: 'a qcow2 with an external data file',
    says: /external file|data file/,
    fill: (disk) => qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${join(disk, 'b')}`, join(disk, 'a.qcow2'), '8M'),
  },
  {
    name: 'disguised',
    is: 'a raw disk whose content starts with a qcow2 header',
    says: /qcow2 header/,
    fill: (disk) => qemuImg('create', '-q', '-f', 'qcow2', join(disk, 'a.raw'), '8M'),
  },
];

beforeAll(async () => {
  if (!onLocalCluster) return;
  for (const { name, fill } of badImages) {
    await loadImage(reference(name), async (root) => {
      await mkdir(join(root, 'disk'));
      await fill(join(root, 'disk'));
    });
  }
}, 240_000);

for (const { name, is, says } of badImages) {
  localVmTest(`T11: ${is} is refused: exit code 65, termination message, Event and condition`, ns, async () => {
    await apply(ns, vmPod(name, { guest: { image: reference(name) }, pod: { restartPolicy: 'Never' } }));
    expect(await waitTerminated(ns, name)).toEqual({ exitCode: 65, message: expect.stringMatching(says) });
    await eventually('ImageRejected event', async () =>
      (await events(ns, name)).some((line) => line.startsWith('ImageRejected')),
    );
    await eventually(
      'condition',
      async () => condition(await getPod(ns, name), 'podvisor.dev/guest-ready')?.reason === 'ImageRejected',
    );
    await deletePod(ns, name);
  });
}
