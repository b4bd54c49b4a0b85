import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkFunction } from '../../../agent/vfio.ts';

const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true })));

/** A tree of test/fixtures/sysfs made real. */
function sysfs(name: string): string {
  const root = mkdtempSync(join(tmpdir(), 'podvisor-sysfs-'));
  roots.push(root);
  const text = readFileSync(new URL(`../../fixtures/sysfs/${name}.txt`, import.meta.url), 'utf8');
  for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
    const [path = '', mark, target = ''] = line.split(' ');
    mkdirSync(join(root, dirname(path)), { recursive: true });
    if (mark === '->') symlinkSync(target, join(root, path));
    else writeFileSync(join(root, path), `${target}\n`);
  }
  return root;
}

test.each<[string, string, object]>([
  ['0000:3b:10.0', 'two-functions', { group: '41', numaNode: 1 }],
  ['0000:3b:10.4', 'two-functions', { group: '42', numaNode: 1 }],
])('%s of %s can go to a guest', (pci, tree, facts) => {
  expect(checkFunction({ pci }, sysfs(tree))).toEqual({ ok: true, facts });
});

test.each<[string, string, string]>([
  ['0000:3b:10.6', 'two-functions', 'the node has no PCI function 0000:3b:10.6'],
  ['0000:3b:00.0', 'two-functions', 'is bound to driver igb; it must be vfio-pci'],
  ['0000:01:00.0', 'shared-group', 'IOMMU group 7 of PCI function 0000:01:00.0 is not free for a guest: 0000:01:00.1 is bound to e1000e'],
  ['0000:3b:10.0', 'iommu-off', "is in no IOMMU group: the node's IOMMU is off"],
  ['0000:3b:10.4', 'iommu-off', 'is bound to driver igbvf'],
  ['0000:3b:11.0', 'iommu-off', 'is bound to no driver'],
])('%s of %s is refused with the reason', (pci, tree, reason) => {
  const checked = checkFunction({ pci }, sysfs(tree));
  expect(checked.ok ? 'taken' : checked.reason).toContain(reason);
}); // prettier-ignore

test('a group whose other devices the kernel calls harmless is free', () => {
  const root = sysfs('shared-group');
  const driver = join(root, 'devices/pci0000:00/0000:00:1c.0/0000:01:00.1/driver');
  rmSync(driver);
  expect(checkFunction({ pci: '0000:01:00.0' }, root)).toEqual({ ok: true, facts: { group: '7', numaNode: undefined } });
  symlinkSync('../../../../bus/pci/drivers/mlx5_vfio_pci', driver);
  expect(checkFunction({ pci: '0000:01:00.1' }, root)).toEqual({ ok: true, facts: { group: '7', numaNode: undefined } });
});

test.each<[string, string, object]>([
  ['has a group', '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001', { ok: true, facts: { group: '60', numaNode: 1 } }],
  ['has no driver', '83b8f4f2-509f-382f-3c1e-e6bfe0fa1002', { ok: false, reason: expect.stringContaining('is in no IOMMU group') }],
  ['is not there', '83b8f4f2-509f-382f-3c1e-e6bfe0fa1003', { ok: false, reason: 'the node has no mediated device 83b8f4f2-509f-382f-3c1e-e6bfe0fa1003' }],
])('a mediated device that %s', (_, mediated, expected) => {
  expect(checkFunction({ mediated }, sysfs('mediated'))).toEqual(expected);
}); // prettier-ignore
