import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import { type NodeFacts, qemuArgv } from '../../../guest/qemu-argv.ts';
import { guestSpec, nodeFacts } from '../../build/guest.ts';

/**
 * Whole command lines, one argument a line, to be read by a person in review. A difference is shown by jest as a text difference;
 * `UPDATE_GOLDEN=1 npm test -- test/unit/guest` writes the files anew.
 */
const GIB = 1024 ** 3;
const kernel = { ...guestSpec().boot, mode: 'kernel' } as const;
const lan = { name: 'default/lan', interface: 'net1', binding: 'bridge' } as const;
const longName = 'a-volume-name-longer-than-twenty-characters';

const CASES: Record<string, [GuestSpec, Partial<NodeFacts>?]> = {
  'minimal-tcg': [guestSpec()],
  'kvm-vhost': [
    guestSpec({ accelerator: 'kvm', cpu: { model: 'host', features: [] }, memoryBytes: 2 * GIB }),
    { vhostNet: true },
  ],
  'four-vcpus-topology': [
    guestSpec({ vcpus: 4, cpu: { model: 'max', features: [], topology: { sockets: 1, cores: 2, threads: 2 } } }),
  ],
  'two-networks': [
    guestSpec({ networks: [...guestSpec().networks, lan] }),
    {
      nics: [
        { mac: '02:00:00:00:00:01', tap: 'pvtap0', mtu: 1450 },
        { mac: '0a:58:0a:01:02:03', tap: 'pvtap1' },
      ],
    },
  ],
  'two-claims': [guestSpec({ disks: [{ volume: 'data' }, { volume: longName }] })],
  'kernel-boot': [guestSpec({ boot: kernel })],
  uefi: [guestSpec({ firmware: 'uefi' })],
  'uefi-secure-tpm': [guestSpec({ firmware: 'uefi-secure', tpm: 'ephemeral' })],
  'helper-devices': [
    guestSpec({ watchdog: 'poweroff', panic: 'pause', rng: 'none', clock: 'Europe/Berlin', cloudInit: { secret: 'seed' } }),
  ],
  'tuned-disks': [
    guestSpec({
      bootDisk: { bus: 'sata', cache: 'none' },
      disks: [
        { volume: 'data', serial: 'D1', bootIndex: 1, cache: 'writethrough' },
        { volume: 'logs', bus: 'sata' },
        { volume: 'shared', readOnly: true, cache: 'writeback' },
      ],
    }),
  ],
  hugepages: [guestSpec({ hugepages: '2Mi', vcpus: 2 })],
  'hugepages-two-numa-nodes': [guestSpec({ hugepages: '1Gi', memoryBytes: 4 * GIB, vcpus: 4, numa: { cells: 2 } })],
  'two-numa-nodes': [guestSpec({ vcpus: 2, numa: { cells: 2 } })],
  'host-devices': [
    guestSpec({ hostDevices: [{ resource: 'nvidia.com/gpu', count: 2 }] }),
    { hostDevices: [{ pci: '0000:3b:00.0' }, { mediated: '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001' }] },
  ],
  'cpu-features': [guestSpec({ cpu: { model: 'Skylake-Server-v5', features: ['+avx2', '-la57', '+sse4.2'] } })],
};

describe('qemuArgv writes the golden command line', () => {
  it.each(Object.entries(CASES))('%s', (name, [guest, facts]) => {
    const file = new URL(`golden/${name}.txt`, import.meta.url);
    const text = `${qemuArgv(guest, nodeFacts(guest, facts)).join('\n')}\n`;
    if (process.env['UPDATE_GOLDEN'] === '1' || !existsSync(file)) writeFileSync(file, text);
    expect(text).toBe(readFileSync(file, 'utf8'));
  });
});

describe('qemuArgv keeps', () => {
  const addresses = (guest: GuestSpec) =>
    new Map(
      qemuArgv(guest, nodeFacts(guest)).flatMap((argument) => {
        const found = /id=([^,]+).*addr=(0x[0-9a-f]+)/.exec(argument);
        return found === null ? [] : [[found[1] ?? '', found[2] ?? ''] as const];
      }),
    );

  it('every device at its PCI address, whatever else the guest has', () => {
    const few = addresses(guestSpec());
    const many = addresses(guestSpec({ disks: [{ volume: 'a' }], networks: [...guestSpec().networks, lan] }));
    for (const [id, address] of few) expect(many.get(id)).toBe(address);
  });

  it('no two devices of the largest guest at one address', () => {
    const disks = Array.from({ length: 15 }, (_, index) => ({ volume: `d${index}` }));
    const networks = Array.from({ length: 8 }, (_, index) => ({ ...lan, interface: `net${index}` }));
    const all = addresses(guestSpec({ disks, networks, watchdog: 'reset', cloudInit: { secret: 'x' } }));
    expect(all.size).toBe(15 + 8 + 5);
    expect(new Set(all.values()).size).toBe(all.size);
    expect([...all.values()].every((address) => Number(address) > 0 && Number(address) < 0x1f)).toBe(true);
  });

  it('the accelerator of the device the kubelet gave, not the one the spec wished for', () => {
    const argv = qemuArgv(guestSpec({ accelerator: 'kvm' }), nodeFacts(guestSpec(), { accelerator: 'tcg' }));
    expect(argv).toContain('tcg,tb-size=32');
  });
});

describe('qemuArgv throws on facts that cannot be', () => {
  const nic = { mac: '02:00:00:00:00:01', tap: 'tap0' };
  const cases: Record<string, NodeFacts['nics']> = {
    'fewer NICs than networks': [],
    'more NICs than networks': [nic, nic],
    'a multicast MAC': [{ ...nic, mac: '03:00:00:00:00:01' }],
    'a MAC with an option': [{ ...nic, mac: '02:00:00:00:00:01,x=y' }],
    'a tap with an option': [{ ...nic, tap: 'tap0,script=/x' }],
    'a tap with a line break': [{ ...nic, tap: 'tap0\n' }],
    'an MTU that is none': [{ ...nic, mtu: 1.5 }],
    'an MTU too small': [{ ...nic, mtu: 60 }],
  };
  it.each(Object.entries(cases))('%s', (_, nics) => {
    expect(() => qemuArgv(guestSpec(), nodeFacts(guestSpec(), { nics }))).toThrow();
  });
});

describe('qemuArgv throws on devices that cannot be', () => {
  it.each([{ pci: '3b:00.0' }, { pci: '0000:3b:00.0,x-igd-opregion=on' }, { mediated: '../../../etc' }, { mediated: '' }])(
    '%j',
    (device) => {
      expect(() => qemuArgv(guestSpec(), nodeFacts(guestSpec(), { hostDevices: [device] }))).toThrow('not a');
    },
  );
});
