import { type FileFacts, handOverDisks } from '../../../agent/disks.ts';
import { DISKS_PATH } from '../../../api/names.ts';

interface Entry {
  readonly kind: 'directory' | 'block' | 'character' | 'link';
  readonly uid: number;
  readonly mode: number;
}
const ROOT = '/proc/42/root';
const DIRECTORY: Entry = { kind: 'directory', uid: 0, mode: 0o755 };
const DEVICE: Entry = { kind: 'block', uid: 0, mode: 0o600 };
const parts = DISKS_PATH.split('/').filter((name) => name !== '');
const directories = parts.map((_, index) => `${ROOT}/${parts.slice(0, index + 1).join('/')}`);
const last = directories.at(-1)!;
const good = Object.fromEntries(
  [`${ROOT}/.`, ...directories].map((path): [string, Entry] => [path, DIRECTORY]).concat([[`${last}/data`, DEVICE]]),
);

function handOver(entries: Readonly<Record<string, Entry>>) {
  const owners: [string, number, number][] = [];
  const lstat = (path: string): FileFacts | undefined => {
    const entry = entries[path];
    if (entry === undefined) return undefined;
    const is = (kind: Entry['kind']) => () => entry.kind === kind;
    return {
      uid: entry.uid,
      mode: entry.mode,
      isDirectory: is('directory'),
      isBlockDevice: is('block'),
      isCharacterDevice: is('character'),
    };
  };
  const lchown = (path: string, uid: number, gid: number) => void owners.push([path, uid, gid]);
  const reason = handOverDisks({ pid: 42, startTime: '1' }, ['data'], { lstat, lchown });
  return { reason, owners };
}

test('T7: a claim is given to QEMU through directories that only root can change', () => {
  expect(handOver(good)).toEqual({ reason: '', owners: [[`${last}/data`, 107, 107]] });
});

test('a claim the runtime has given already is left alone', () => {
  expect(handOver({ ...good, [`${last}/data`]: { ...DEVICE, uid: 107 } })).toEqual({ reason: '', owners: [] });
});

test.each<[string, Record<string, Entry>, string]>([
  ['a root of the tenant', { [`${ROOT}/.`]: { ...DIRECTORY, uid: 107 } }, '/ can be written by others than root'],
  ['a directory of the tenant', { [last]: { ...DIRECTORY, uid: 107 } }, 'can be written by others than root'],
  ['a directory open to all', { [last]: { ...DIRECTORY, mode: 0o777 } }, 'can be written by others than root'],
  ['a symlink on the way', { [last]: { ...DIRECTORY, kind: 'link' } }, 'is no directory'],
  ['a symlink in place of the device', { [`${last}/data`]: { ...DEVICE, kind: 'link' } }, 'is no block device'],
])('nothing is touched behind %s', (_, change, reason) => {
  const result = handOver({ ...good, ...change });
  expect(result.reason).toContain(reason);
  expect(result.owners).toEqual([]);
});
