import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { handOverDisks, realDiskFileSystem } from '../../../agent/disks.ts';
import { DISKS_PATH, LAUNCHER_UID } from '../../../api/names.ts';

// The real file system, and a process that swaps what the agent is about to give away. Needs root.
const FLIPS = 100_000;
const LAUNCHER = { pid: 42, startTime: '1' };

/** Swaps `at` and `other` by renames as QEMU's user, until it has tried FLIPS times; prints how often it went through. */
const FLIPPER = `
const { renameSync } = require('node:fs');
const [at, other] = process.argv.slice(1);
process.setgroups([]); process.setgid(${LAUNCHER_UID}); process.setuid(${LAUNCHER_UID});
let done = 0;
const move = (from, to) => { try { renameSync(from, to); done += 1; } catch {} };
process.stdout.write('on\\n');
for (let i = 0; i < ${FLIPS} / 2; i += 1) {
  move(at, at + '.away'); move(other, at);
  move(at, other); move(at + '.away', at);
}
process.stdout.write(String(done));
`;

let work = '';
/** Root of the container, and the directory its block claims are in. */
let root = '';
let claims = '';
/** A device of the node that is no claim. */
let canary = '';

const makeDevice = (path: string): void => {
  expect(spawnSync('mknod', ['-m', '600', path, 'b', '7', '250']).status).toBe(0);
};

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'podvisor-race-'));
  chmodSync(work, 0o755);
  root = join(work, '42/root');
  claims = join(root, DISKS_PATH);
  mkdirSync(claims, { recursive: true });
  makeDevice(join(claims, 'data'));
  const node = join(work, 'node/podvisor');
  mkdirSync(node, { recursive: true });
  canary = join(node, 'data');
  makeDevice(canary);
});

afterEach(() => rmSync(work, { recursive: true, force: true }));

/** Hands the claim over again and again while the flipper works: what the agent said, by how often, and how many swaps went through. */
async function race(at: string, other: string): Promise<{ said: Map<string, number>; flips: number }> {
  const flipper = spawn('dev/node', ['-e', FLIPPER, at, other], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(flipper, 'exit');
  let output = '';
  flipper.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(flipper.stdout, 'data');
  const said = new Map<string, number>();
  // A claim that was given away is taken back, so that each round has something to give.
  for (; flipper.exitCode === null && statSync(canary).uid === 0; takeBack(join(claims, 'data'))) {
    const reason = handOverDisks(LAUNCHER, ['data'], realDiskFileSystem, work);
    said.set(reason, (said.get(reason) ?? 0) + 1);
    await setImmediate();
  }
  flipper.kill('SIGKILL');
  await ended;
  expect(statSync(canary).uid).toBe(0);
  return { said, flips: Number(output.split('\n')[1]) };
}

function takeBack(path: string): void {
  try {
    if (statSync(path).uid === LAUNCHER_UID) chownSync(path, 0, 0);
  } catch {
    // Swapped away at this moment.
  }
}

test('T7: in a container as the runtime makes it nothing can be swapped, and the claim is given each time', async () => {
  const other = join(work, 'elsewhere');
  symlinkSync(canary, other);
  const { said, flips } = await race(join(claims, 'data'), other);
  expect(flips).toBe(0);
  expect([...said.keys()]).toEqual(['']);
  expect(said.get('')).toBeGreaterThan(100);
}, 120_000);

test.each<[string, (open: (path: string) => void) => [string, string]]>([
  [
    'the claim and a symlink to a device of the node, in a directory of the tenant',
    (open) => {
      open(claims);
      symlinkSync(canary, join(claims, 'other'));
      return [join(claims, 'data'), join(claims, 'other')];
    },
  ],
  [
    'the directory of the claims and a symlink to one of the node, in a directory of the tenant',
    (open) => {
      open(join(claims, '..'));
      symlinkSync(join(canary, '..'), join(claims, '../other'));
      return [claims, join(claims, '../other')];
    },
  ],
  [
    '/dev and a symlink to a tree of the node, in a root of the tenant',
    (open) => {
      open(root);
      symlinkSync(join(canary, '../..'), join(root, 'other'));
      return [join(root, 'dev'), join(root, 'other')];
    },
  ],
])('T7: %s are swapped 100000 times: nothing is given away', async (_, prepare) => {
  const { said, flips } = await race(...prepare((path) => chownSync(path, LAUNCHER_UID, LAUNCHER_UID)));
  expect(flips).toBeGreaterThanOrEqual(FLIPS);
  const rounds = [...said.values()].reduce((sum, count) => sum + count, 0);
  expect(rounds).toBeGreaterThan(100);
  expect([...said.keys()].filter((reason) => reason === '')).toEqual([]);
}, 120_000); // prettier-ignore
