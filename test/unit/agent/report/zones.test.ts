import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { parseList } from '../../../../agent/report/cpu-list.ts';
import { treeAt } from '../../../../agent/report/tree.ts';
import { readZones } from '../../../../agent/report/zones.ts';
import { type TreeFiles, treeOf, zoneFiles } from '../../../build/sysfs-tree.ts';

const GIB = 2 ** 30;
const NOTHING = treeOf({});
const zonesOf = (files: TreeFiles) => readZones(treeOf(files), NOTHING).map(({ zone }) => zone);

describe('a machine of', () => {
  it('one socket', () => {
    expect(zonesOf(zoneFiles({ 0: { cpus: '0-7', gib: 32, distances: '10', pools: { 2048: [1024, 1000] } } }))).toEqual([
      {
        id: 0,
        cpus: 8,
        memory: { totalBytes: 32 * GIB, freeBytes: 8 * GIB },
        hugepages: { '2Mi': { total: 1024, free: 1000 } },
        distances: [10],
      },
    ]);
  });

  it('two sockets with hyper-threads, both sizes of huge pages', () => {
    const zones = zonesOf(
      zoneFiles({
        0: { cpus: '0-19,40-59', gib: 192, distances: '10 21', pools: { 2048: [2048, 1290], 1048576: [16, 3] } },
        1: { cpus: '20-39,60-79', gib: 192, distances: '21 10', pools: { 2048: [2048, 758], 1048576: [16, 16] } },
      }),
    );
    expect(zones.map(({ cpus, distances, hugepages }) => ({ cpus, distances, hugepages }))).toEqual([
      { cpus: 40, distances: [10, 21], hugepages: { '2Mi': { total: 2048, free: 1290 }, '1Gi': { total: 16, free: 3 } } },
      { cpus: 40, distances: [21, 10], hugepages: { '2Mi': { total: 2048, free: 758 }, '1Gi': { total: 16, free: 16 } } },
    ]);
  });

  it('four sockets', () => {
    const zone = (cpus: string, distances: string) => ({ cpus, gib: 256, distances });
    const zones = zonesOf(
      zoneFiles({
        0: zone('0-23', '10 21 21 31'),
        1: zone('24-47', '21 10 31 21'),
        2: zone('48-71', '21 31 10 21'),
        3: zone('72-95', '31 21 21 10'),
      }),
    );
    expect(zones.map(({ id, cpus, distances }) => [id, cpus, distances[0]])).toEqual([
      [0, 24, 10],
      [1, 24, 21],
      [2, 24, 21],
      [3, 24, 31],
    ]);
  });

  it('two sockets with sub-NUMA clustering, whose CPUs are interleaved', () => {
    const zones = zonesOf(
      zoneFiles({
        0: { cpus: '0,4,8,12', gib: 64, distances: '10 11 21 21' },
        1: { cpus: '1,5,9,13', gib: 64, distances: '11 10 21 21' },
        2: { cpus: '2,6,10,14', gib: 64, distances: '21 21 10 11' },
        3: { cpus: '3,7,11,15', gib: 64, distances: '21 21 11 10' },
      }),
    );
    expect(zones.map(({ cpus }) => cpus)).toEqual([4, 4, 4, 4]);
    expect(zones[1]?.distances).toEqual([11, 10, 21, 21]);
  });

  it('two sockets with a zone of memory alone (CXL) and one of CPUs alone', () => {
    const zones = zonesOf(
      zoneFiles({
        0: { cpus: '0-7', gib: 64, distances: '10 21 14' },
        1: { cpus: '8-15', gib: 0, distances: '21 10 24' },
        2: { cpus: '', gib: 128, distances: '14 24 10' },
      }),
    );
    expect(zones.map(({ id, cpus, memory }) => [id, cpus, memory.totalBytes])).toEqual([
      [0, 8, 64 * GIB],
      [1, 8, 0],
      [2, 0, 128 * GIB],
    ]);
  });

  it('sockets of which one is offline: the others keep their numbers', () => {
    const zone = { cpus: '0', gib: 1, distances: '10 20' };
    expect(zonesOf(zoneFiles({ 0: zone, 1: zone, 8: { ...zone, distances: '20 10' } }, '0,8')).map(({ id }) => id)).toEqual([
      0, 8,
    ]);
  });
});

describe('a kernel', () => {
  const meminfo =
    'MemTotal:        8388608 kB\nMemFree:         1048576 kB\nActive(file):     1048576 kB\nSReclaimable:    1048576 kB\n';

  it('without NUMA is one zone, by what it says of the whole machine', () => {
    const sys = treeOf({
      'devices/system/cpu/online': '0-3\n',
      'kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '8\n',
      'kernel/mm/hugepages/hugepages-2048kB/free_hugepages': '5\n',
    });
    expect(readZones(sys, treeOf({ meminfo })).map(({ zone }) => zone)).toEqual([
      {
        id: 0,
        cpus: 4,
        memory: { totalBytes: 8 * GIB, freeBytes: 3 * GIB },
        hugepages: { '2Mi': { total: 8, free: 5 } },
        distances: [10],
      },
    ]);
  });

  it('that says nothing at all gives one empty zone', () => {
    expect(zonesOf({})).toEqual([{ id: 0, cpus: 0, memory: { totalBytes: 0, freeBytes: 0 }, hugepages: {}, distances: [10] }]);
  });

  it('without distances is given those that Linux assumes', () => {
    const files = { ...zoneFiles({ 0: { cpus: '0', gib: 1, distances: '' }, 1: { cpus: '1', gib: 1, distances: '' } }) };
    expect(zonesOf(files).map(({ distances }) => distances)).toEqual([
      [10, 20],
      [20, 10],
    ]);
  });

  it('that has promised pages to processes promises them to no guest', () => {
    const pools = (free: number) => ({ 2048: [100, free] as const });
    const files = zoneFiles({
      0: { cpus: '0', gib: 1, distances: '10 20', pools: pools(90) },
      1: { cpus: '1', gib: 1, distances: '20 10', pools: pools(20) },
    });
    const free = (reserved: string) =>
      zonesOf({ ...files, 'kernel/mm/hugepages/hugepages-2048kB/resv_hugepages': reserved }).map(
        ({ hugepages }) => hugepages['2Mi']?.free,
      );
    expect(free('0')).toEqual([90, 20]);
    expect(free('30')).toEqual([80, 20]); // 110 free, 30 promised
    expect(free('105')).toEqual([5, 5]);
    expect(free('500')).toEqual([0, 0]);
  });

  it('any of whose files is missing or garbage gives a result within bounds', () => {
    const whole = zoneFiles({
      0: { cpus: '0-3', gib: 4, distances: '10 20', pools: { 2048: [10, 5] } },
      1: { cpus: '4-7', gib: 4, distances: '20 10' },
    });
    const broken = fc.constantFrom('', '-1', 'x', '1-', '3-1', '999999999999999999999', '0-99999', 'Node 0 MemTotal: x kB', '\0');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...Object.keys(whole)), broken)), (changes) => {
        const zones = zonesOf({ ...whole, ...Object.fromEntries(changes) });
        expect(zones.length).toBeGreaterThan(0);
        for (const { cpus, memory, hugepages, distances } of zones) {
          expect(distances).toHaveLength(zones.length);
          const numbers = [cpus, memory.totalBytes, memory.freeBytes, hugepages['2Mi']?.free ?? 0, ...distances];
          for (const number of numbers) expect(Number.isSafeInteger(number) && number >= 0).toBe(true);
        }
      }),
    );
  });
});

it.each<[string, readonly number[]]>([
  ['0-3,8,10-11', [0, 1, 2, 3, 8, 10, 11]],
  ['', []],
  ['5', [5]],
  ['3-1', []],
  ['a-b', []],
  ['0-1\n', [0, 1]],
])('the list %j', (text, numbers) => expect(parseList(text)).toEqual(numbers));

// Trees of real kernels, as test/build/sysfs/README.md says.
const captured = join(import.meta.dirname, '../../../build/sysfs');
describe.each(readdirSync(captured).filter((name) => name.endsWith('.json')))('the captured tree %s', (name) => {
  const { sys, proc, zones, pages } = JSON.parse(readFileSync(join(captured, name), 'utf8')) as {
    sys: TreeFiles;
    proc: TreeFiles;
    zones: readonly (readonly [id: number, cpus: number, distances: readonly number[]])[];
    pages: string;
  };
  it('has the zones and pages the machine was built with', () => {
    const read = readZones(treeOf(sys), treeOf(proc)).map(({ zone }) => zone);
    expect(read.map(({ id, cpus, distances }) => [id, cpus, distances])).toEqual(zones);
    const pools = read.flatMap(({ id, hugepages }) => (hugepages['2Mi'] === undefined ? [] : [`${id}:${hugepages['2Mi'].free}`]));
    expect(pools.join(',')).toBe(pages);
    for (const { memory } of read) expect(memory.freeBytes).toBeLessThanOrEqual(memory.totalBytes);
  });
});

it('this machine can be read, whatever it is', () => {
  const zones = readZones(treeAt('/sys'), treeAt('/proc'));
  expect(zones.reduce((sum, { zone }) => sum + zone.memory.totalBytes, 0)).toBeGreaterThan(0);
  expect(zones.reduce((sum, { zone }) => sum + zone.cpus, 0)).toBeGreaterThan(0);
});
