import { cpuVendor } from '../../../../agent/report/cpu-vendor.ts';
import { kubeletFacts, NO_KUBELET_FACTS } from '../../../../agent/report/kubelet-facts.ts';
import { hugepagesByZone, memoryByZone } from '../../../../agent/report/numa-maps.ts';
import { physicalFunctionOf, readPhysicalFunctions } from '../../../../agent/report/physical-functions.ts';
import { parsePhysicalNetworks } from '../../../../agent/report/physical-networks.ts';
import { parseQemuFacts, readQemuFacts } from '../../../../agent/report/qemu-facts.ts';
import { type BuiltFunction, functionFiles, treeOf } from '../../../build/sysfs-tree.ts';

const PF = '0000:3b:00.0';
const VFS = ['0000:3b:02.0', '0000:3b:02.1', '0000:3b:02.2', '0000:3b:02.3'];
const port: BuiltFunction = { address: PF, interface: 'ens1f0', numaNode: 1, driver: 'mlx5_core', carrier: '1', vfs: VFS };

function functions(built: readonly BuiltFunction[], kubelet = NO_KUBELET_FACTS, networks = '') {
  const context = { nodeName: 'node7', networks: parsePhysicalNetworks(networks)!, kubelet };
  return readPhysicalFunctions(treeOf(functionFiles(built)), context);
}

const offered = (resourceName: string, deviceIds: string[]) => ({ resourceName, deviceIds });
const holding = (...devices: { resourceName: string; deviceIds: string[] }[]) => ({
  podResources: [{ name: 'p', namespace: 'n', containers: [{ name: 'c', devices, cpuIds: [], dynamicResources: [] }] }],
});

describe('a physical function', () => {
  it('has its zone, driver, link, resource and free virtual functions', () => {
    const kubelet = kubeletFacts(
      { devices: [offered('intel.com/fast', VFS)], cpuIds: [] },
      holding(offered('intel.com/fast', [VFS[1]!])),
    );
    expect(functions([port], kubelet, 'fabric-a=ens1f0')).toEqual([
      {
        address: PF,
        interface: 'ens1f0',
        zone: 1,
        driver: 'mlx5_core',
        physicalNetwork: 'fabric-a',
        resource: 'intel.com/fast',
        linkUp: true,
        vfs: { total: 4, free: 3 },
      },
    ]);
  });

  it('whose functions are two resources is listed for each', () => {
    const devices = [offered('a/x', VFS.slice(0, 1)), offered('a/y', VFS.slice(1))];
    const kubelet = kubeletFacts({ devices, cpuIds: [] }, { podResources: [] });
    expect(functions([port], kubelet).map(({ resource, vfs }) => [resource, vfs.total])).toEqual([
      ['a/x', 1],
      ['a/y', 3],
    ]);
  });

  it.each<[string, Partial<BuiltFunction>, boolean]>([
    ['carrier 1', { carrier: '1' }, true],
    ['carrier 0', { carrier: '0' }, false],
    ['no carrier that can be read, operstate down', { carrier: undefined as never, operstate: 'down' }, false],
    ['no carrier that can be read, operstate unknown', { carrier: undefined as never, operstate: 'unknown' }, true],
  ])('with %s: link %j', (_, change, up) => {
    const { carrier, ...rest } = { ...port, ...change };
    expect(functions([carrier === undefined ? rest : { ...rest, carrier }])[0]?.linkUp).toBe(up);
  });

  it('without interface, zone and driver is one all the same, behind those that have functions', () => {
    const bare = { address: '10000:01:00.0', vfs: [] };
    expect(functions([bare, port]).map(({ address }) => address)).toEqual([PF, '10000:01:00.0']);
    expect(functions([bare])).toEqual([{ address: '10000:01:00.0', linkUp: true, vfs: { total: 0, free: 0 } }]);
  });

  it('is found by a virtual one; what is no address, or none, is not looked for', () => {
    const sys = treeOf(functionFiles([port]));
    expect(physicalFunctionOf(sys, VFS[2]!)).toBe(PF);
    expect(physicalFunctionOf(sys, PF)).toBeUndefined();
    expect(physicalFunctionOf(sys, '../../etc')).toBeUndefined();
  });

  it('are at most as many as a report holds', () => {
    const many = Array.from({ length: 80 }, (_, index) => ({ address: `0000:${(index + 16).toString(16)}:00.0`, vfs: [] }));
    expect(functions(many)).toHaveLength(64);
  });

  it.each<[string, string | undefined]>([
    ['fabric-a=ens1f0', 'fabric-a'],
    ['fabric-a=0000:3b:00.0', 'fabric-a'],
    ['fabric-a=ens1f0,fabric-b=node7/ens1f0', 'fabric-b'],
    ['fabric-b=node8/ens1f0', undefined],
  ])('in networks %s is in %s', (networks, network) => {
    expect(functions([port], NO_KUBELET_FACTS, networks)[0]?.physicalNetwork).toBe(network);
  });

  it.each(['fabric', 'a=b=c', '=ens1', 'a=', 'A B=ens1', 'a=n/', 'a=a-name-longer-than-linux'])('networks %j are none', (text) =>
    expect(parsePhysicalNetworks(text)).toBeUndefined(),
  );
});

describe('memory of a process by zone', () => {
  const maps = [
    '7f0000000000 default file=/memfd:memory-backend-memfd\\040(deleted) huge dirty=512 N0=500 N1=12 kernelpagesize_kB=2048',
    '7f0080000000 default file=/usr/bin/qemu mapped=2 N0=2 kernelpagesize_kB=4',
    '7f0100000000 bind:1 file=/memfd:m\\040(deleted) huge dirty=3 N1=3 kernelpagesize_kB=1048576',
    '7f0140000000 default anon=9 dirty=9 N1=9 kernelpagesize_kB=4',
  ].join('\n');

  it.each<['2Mi' | '1Gi', object]>([
    ['2Mi', { 0: 500, 1: 12 }],
    ['1Gi', { 1: 3 }],
  ])('huge pages of %s', (size, pages) => expect(Object.fromEntries(hugepagesByZone(maps, size))).toEqual(pages));

  it.each<[string, string, object]>([
    ['version 2', 'anon N0=4096 N1=8192\nfile N0=1 N1=1\nshmem N0=100 N1=0\n', { 0: 4196, 1: 8192 }],
    ['version 1', 'total=9 N0=5 N1=4\nfile=2 N0=1 N1=1\nanon=7 N0=4 N1=3\nhierarchical_anon=9 N0=9\n', { 0: 16384, 1: 12288 }],
    ['none', '', {}],
  ])('counters of a cgroup of %s', (_, text, bytes) => expect(Object.fromEntries(memoryByZone(text, 4096))).toEqual(bytes));
});

describe('QEMU', () => {
  const answer = (id: string, value: unknown) => JSON.stringify({ return: value, id });

  it('says its version, machines, models that run and features', () => {
    const output = [
      '{"QMP": {"version": {}}}',
      '{"return": {}}',
      answer('version', { qemu: { major: 10, minor: 0, micro: 2 }, package: 'Debian' }),
      answer('machines', [{ name: 'none' }, { name: 'pc-q35-9.2' }, { name: 'pc-q35-10.0', alias: 'q35' }, { name: 'pc-i440fx-10.0' }, { name: 'microvm' }]), // prettier-ignore
      answer('models', [
        { name: 'host', 'unavailable-features': [] },
        { name: 'Haswell-v1', 'unavailable-features': [] },
        { name: 'EPYC-v4', 'unavailable-features': ['sse4a'] },
        { name: 'never-heard-of', 'unavailable-features': [] },
      ]),
      answer('features', { model: { name: 'max', props: { avx2: true, avx512f: false, 'x-migrate-smi-count': true } } }),
      '{"timestamp": {}, "event": "SHUTDOWN"}',
    ].join('\r\n');
    expect(parseQemuFacts(output)).toEqual({
      version: '10.0.2',
      machines: ['pc-q35-10.0', 'pc-q35-9.2', 'microvm'],
      models: ['Haswell-v1', 'host'],
      features: ['avx2'],
    });
  });

  it.each([
    '',
    'no QMP',
    '{"return": [], "id": "version"}\n{"return": 7, "id": "models"}\n[]',
    '{"error": {}, "id": "features"}',
  ])('that answers %j says nothing', (output) =>
    expect(parseQemuFacts(output)).toEqual({ version: '', machines: [], models: [], features: [] }),
  );

  it('is asked once, with the accelerator of the node', async () => {
    let args: readonly string[] = [];
    const run = (program: { args: readonly string[] }) => {
      args = program.args;
      return Promise.resolve('');
    };
    await readQemuFacts('kvm', run);
    expect(args).toContain('none,accel=kvm');
  });
});

it.each<[string, string]>([
  ['processor\t: 0\nvendor_id\t: GenuineIntel\n', 'GenuineIntel'],
  ['CPU implementer\t: 0x41\n', '0x41'],
  ['', ''],
])('the vendor in %j', (text, vendor) => expect(cpuVendor(text)).toBe(vendor));
