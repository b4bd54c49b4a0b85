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
  ['0000:3b:10.0', 'igb-iommu', { group: '6', numaNode: 1 }],
  ['0000:3b:10.2', 'igb-iommu', { group: '7', numaNode: 1 }],
])('%s of %s can go to a guest', (pci, tree, facts) => {
  expect(checkFunction({ pci }, sysfs(tree))).toEqual({ ok: true, facts });
});

test.each<[string, string, string]>([
  ['0000:3b:10.6', 'igb-iommu', 'the node has no PCI function 0000:3b:10.6'],
  ['0000:3b:00.0', 'igb-iommu', 'is bound to driver igb; it must be vfio-pci'],
  ['0000:01:01.0', 'igb-iommu', 'IOMMU group 2 of PCI function 0000:01:01.0 is not free for a guest: 0000:01:02.0 is bound to e1000'],
  ['0000:3b:10.0', 'igb-without-iommu', 'is bound to driver igbvf'],
  ['0000:3b:10.2', 'igb-without-iommu', 'is bound to no driver'],
])('%s of %s is refused with the reason', (pci, tree, reason) => {
  const checked = checkFunction({ pci }, sysfs(tree));
  expect(checked.ok ? 'taken' : checked.reason).toContain(reason);
}); // prettier-ignore

/** Another driver for a device of a captured tree. */
function bind(root: string, device: string, driver: string): void {
  const link = join(root, 'devices', device, 'driver');
  rmSync(link, { force: true });
  if (driver !== '') symlinkSync(`../../../../bus/pci/drivers/${driver}`, link);
}

test('a function under vfio-pci without an IOMMU is refused', () => {
  const root = sysfs('igb-without-iommu');
  bind(root, 'pci0000:3a/0000:3a:00.0/0000:3b:10.0', 'vfio-pci');
  const checked = checkFunction({ pci: '0000:3b:10.0' }, root);
  expect(checked.ok ? 'taken' : checked.reason).toContain("is in no IOMMU group: the node's IOMMU is off");
});

test('a group whose other devices the kernel calls harmless is free', () => {
  const root = sysfs('igb-iommu');
  const other = 'pci0000:00/0000:00:02.0/0000:01:02.0';
  bind(root, other, '');
  expect(checkFunction({ pci: '0000:01:01.0' }, root)).toEqual({ ok: true, facts: { group: '2', numaNode: undefined } });
  bind(root, other, 'mlx5_vfio_pci');
  expect(checkFunction({ pci: '0000:01:02.0' }, root)).toEqual({ ok: true, facts: { group: '2', numaNode: undefined } });
});

test.each<[string, string, object]>([
  ['has a group', '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001', { ok: true, facts: { group: '60', numaNode: 1 } }],
  ['has no driver', '83b8f4f2-509f-382f-3c1e-e6bfe0fa1002', { ok: false, reason: expect.stringContaining('is in no IOMMU group') }],
  ['is not there', '83b8f4f2-509f-382f-3c1e-e6bfe0fa1003', { ok: false, reason: 'the node has no mediated device 83b8f4f2-509f-382f-3c1e-e6bfe0fa1003' }],
])('a mediated device that %s', (_, mediated, expected) => {
  expect(checkFunction({ mediated }, sysfs('mediated'))).toEqual(expected);
}); // prettier-ignore
