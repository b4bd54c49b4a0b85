import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { argvText } from '../../../agent/argv-text.ts';
import type { GuestDisk, GuestSpec } from '../../../api/guest-spec.ts';
import { launcherArguments } from '../../../guest/launcher-arguments.ts';
import { qemuArgv } from '../../../guest/qemu-argv.ts';
import { guestSpec, nodeFacts } from '../../build/guest.ts';
import type { Container, ContainerOptions } from './rig.ts';
import { runInGuest, useBench } from './use-bench.ts';

// A guest that forges disk formats, with our own command lines, the real launcher, QEMU (TCG) and a block device. Needs root.
const LIMIT = 180_000;
/** A file of the launcher's container that no guest may read. */
const SECRET_FILE = '/etc/passwd';
const QCOW2_MAGIC = '51 46 49 fb';

const bench = useBench();
const loops: string[] = [];

afterEach(() => {
  for (const loop of loops.splice(0)) execFileSync('losetup', ['-d', loop]);
});

const system = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: 'utf8' }).trim();

/** A file as a block claim, such as a CSI driver's volume: its path, and the node the runtime makes of it. */
function blockClaim(volume: string, fill: (file: string) => void): { loop: string; disk: GuestDisk; device: string } {
  const file = join(bench.makeDirectory(), volume);
  fill(file);
  system('truncate', '-s', '%4096', file); // whole sectors
  const loop = system('losetup', '--find', '--show', file);
  loops.push(loop);
  const [major = '', minor = ''] = system('stat', '-c', '%Hr %Lr', loop).split(' ');
  return { loop, disk: { volume }, device: `/dev/podvisor/${volume} b ${major} ${minor}` };
}

/** The guest as admission and agent start it, without a network. */
async function start(fields: Partial<GuestSpec>, options: Omit<ContainerOptions, 'roots' | 'args'>): Promise<Container> {
  const guest = guestSpec({ networks: [], ...fields });
  const container = bench.start({ ...options, args: launcherArguments(guest) });
  await container.sees('status', 'ready\n');
  container.sendArgv(argvText(qemuArgv(guest, nodeFacts(guest)), 30));
  await container.sees('stdout', 'GUEST READY');
  return container;
}

const workOf = (container: Container): string => join(container.slot, '..');
const magicOf = (container: Container, disk: string): Promise<string> => runInGuest(container, `head -c 4 ${disk} | od -An -tx1`);

test(
  'T12: a guest that writes a qcow2 header into its raw claim reads after a restart what it wrote, not the file the header names',
  async () => {
    const victim = blockClaim('data', (file) => system('truncate', '-s', '4M', file));
    // What the guest is to write: a flawless qcow2 whose every sector comes from a file of the launcher's container.
    const forged = blockClaim('forged', (file) => system('qemu-img', 'create', '-q', '-f', 'qcow2', '-u', '-F', 'raw', '-b', SECRET_FILE, file, '8M'));
    const options = { devices: [victim.device, forged.device] };
    const first = await start({ disks: [victim.disk, forged.disk] }, options);
    await runInGuest(first, 'dd if=/dev/vdc of=/dev/vdb bs=64k && sync');
    first.process.stdin!.write('poweroff -f\n');
    expect(await first.exited).toBe(0);
    // The forgery is real: who looks for the format by the content falls for it.
    const probed = JSON.parse(system('qemu-img', 'info', '--output=json', victim.loop)) as object;
    expect(probed).toMatchObject({ format: 'qcow2', 'backing-filename': SECRET_FILE });

    const second = await start({ disks: [victim.disk, forged.disk] }, { ...options, work: workOf(first) });
    expect(await magicOf(second, '/dev/vdb')).toBe(QCOW2_MAGIC);
    expect(await runInGuest(second, 'grep -c root: /dev/vdb || true')).toBe('0');
    expect(await runInGuest(second, 'cat /sys/block/vdb/size')).toBe(String((4 << 20) / 512));
  },
  LIMIT,
); // prettier-ignore
