import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from './local.ts';

const run = promisify(execFile);

/** Makes an image of what `fill` puts into a directory and loads it into the nodes of the local cluster. */
export async function loadImage(reference: string, fill: (root: string) => Promise<void>): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'podvisor-image-'));
  try {
    const root = join(work, 'root');
    await mkdir(root);
    await fill(root);
    await run('tar', [
      '--sort=name',
      '--mtime=@0',
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      '-C',
      root,
      '-cf',
      join(work, 'layer.tar'),
      '.',
    ]);
    const layer = createHash('sha256')
      .update(await readFile(join(work, 'layer.tar')))
      .digest('hex');
    const config = { architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] } };
    const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: ['layer.tar'] }];
    await writeFile(join(work, 'config.json'), JSON.stringify(config));
    await writeFile(join(work, 'manifest.json'), JSON.stringify(manifest));
    await run('tar', ['-C', work, '-cf', join(work, 'image.tar'), 'manifest.json', 'config.json', 'layer.tar']);
    await run(join(repositoryRoot, 'dev/cluster/load-images'), [join(work, 'image.tar')], { timeout: 120_000 });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Runs qemu-img of this machine, to make disks a user could bring. */
export async function qemuImg(...args: readonly string[]): Promise<void> {
  await run('qemu-img', args);
}
