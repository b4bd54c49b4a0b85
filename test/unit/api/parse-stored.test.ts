import fc from 'fast-check';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import { readStoredGuest } from '../../../api/parse-stored.ts';
import { guestSpec } from '../../build/guest.ts';
import { vmPod } from '../../build/pod.ts';

const stored = (text: string) => readStoredGuest(vmPod({ annotations: { 'podvisor.dev/guest': text } }));
const spec = (fields: Record<string, unknown>) => JSON.stringify({ ...guestSpec(), ...fields });
const secondary = (fields: object): unknown => [
  ...guestSpec().networks,
  { name: 'a/b', interface: 'net1', binding: 'bridge', ...fields },
];

describe('readStoredGuest', () => {
  it('reads what admission wrote', () => {
    const guest: GuestSpec = guestSpec({ disks: [{ volume: 'data' }], cpu: { model: 'max', features: ['-la57'] } });
    expect(stored(JSON.stringify(guest))).toEqual({ ok: true, guest });
  });

  it('says that a pod without the annotation missed admission', () => {
    expect(readStoredGuest(vmPod())).toEqual({ ok: false, reason: expect.stringContaining('did not pass Podvisor admission') });
  });

  const cases: Record<string, [string, string]> = {
    'text that is not JSON': ['{', 'is not JSON'],
    'a text too long': [`"${'x'.repeat(20_000)}"`, 'longer than'],
    'something else than an object': ['null', 'must be object'],
    'another version': [spec({ version: 'v2' }), 'version'],
    'an unknown field': [spec({ evil: 1 }), '"evil"'],
    'a missing field': [JSON.stringify({ version: 'v1' }), 'required'],
    'a container name with a slash': [spec({ container: '../x' }), 'container'],
    'a CPU model with an option': [spec({ cpu: { model: 'max,+x', features: [] } }), 'cpu.model'],
    'a CPU model with a line break at its end': [spec({ cpu: { model: 'max\n', features: [] } }), 'cpu.model'],
    'a CPU feature with an option': [spec({ cpu: { model: 'max', features: ['+x,y=z'] } }), 'cpu.features'],
    'a disk outside its directory': [spec({ disks: [{ volume: '../../etc/shadow' }] }), 'disks.0.volume'],
    'a disk twice': [spec({ disks: [{ volume: 'a' }, { volume: 'a' }] }), 'disks'],
    'an interface with a slash': [spec({ networks: secondary({ interface: 'a/b' }) }), 'networks.1.interface'],
    'a network name with a line break': [spec({ networks: secondary({ name: 'a/b\n' }) }), 'networks.1.name'],
    'an interface twice': [spec({ networks: secondary({ interface: 'eth0' }) }), 'one interface for two networks'],
    'a first network other than the pod network': [
      spec({ networks: [{ name: 'a/b', interface: 'net1', binding: 'bridge' }] }),
      "networks[0] other than 'pod'",
    ],
    'no network': [spec({ networks: [] }), 'networks'],
    'memory that is no whole MiB': [spec({ memoryBytes: 128 * 1024 * 1024 + 1 }), 'memoryBytes'],
    'no vCPU': [spec({ vcpus: 0 }), 'vcpus'],
    'a fraction of a vCPU': [spec({ vcpus: 1.5 }), 'vcpus'],
    'a topology of another size': [
      spec({ cpu: { model: 'max', features: [], topology: { sockets: 2, cores: 2, threads: 1 } } }),
      '2×2×1, which is not vcpus=1',
    ],
    'NUMA nodes that do not divide the vCPUs': [
      spec({ vcpus: 3, numa: { cells: 2 } }),
      'numa.cells or hugepages that do not divide',
    ],
    'huge pages that do not make the RAM': [spec({ hugepages: '1Gi' }), 'numa.cells or hugepages that do not divide'],
  };
  it.each(Object.entries(cases))('refuses %s', (_, [text, expected]) => {
    expect(stored(text)).toEqual({ ok: false, reason: expect.stringContaining(expected) });
  });

  it('answers any text without throwing, on one line that is not much longer than the schema', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((value) => spec({ cpu: value })),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const result = stored(text);
        if (!result.ok) expect(result.reason).toMatch(/^metadata\.annotations\[podvisor\.dev\/guest\] .{1,300}$/);
      }),
    );
  });
});
