import fc from 'fast-check';
import { ANNOTATIONS } from '../../../api/annotations.ts';
import { type ParseContext, parseGuest } from '../../../api/parse-pod.ts';
import { TIME_ZONES } from '../../../api/time-zones.ts';
import { completeGuest } from '../../../guest/complete.ts';
import { launcherArguments } from '../../../guest/launcher-arguments.ts';
import { qemuArgv } from '../../../guest/qemu-argv.ts';
import { nodeFacts } from '../../build/guest.ts';
import { commandLine, type CommandLine } from '../../build/command-line.ts';
import { vmPod } from '../../build/pod.ts';

/**
 * Every annotation value that is accepted renders a command line that, read back by QEMU's rules, says what the value says. What it should
 * say is written here a second time, from the reference page and QEMU's documentation, not from our code.
 */

const CONTEXT: ParseContext = { accelerators: { kvm: false, tcg: true } };
const CLAIMS = ['data', 'logs'];

function admit(annotations: Readonly<Record<string, string>>) {
  const volumeDevices = CLAIMS.map((name) => ({ name, devicePath: `/dev/${name}` }));
  const parsed = parseGuest(vmPod({ annotations, guest: { volumeDevices } }), CONTEXT);
  if (!parsed.ok) return undefined;
  const guest = completeGuest(parsed.guest);
  return { guest, line: commandLine(qemuArgv(guest, nodeFacts(guest))), launcher: launcherArguments(guest) };
}

type Admitted = NonNullable<ReturnType<typeof admit>>;

function admitted(annotations: Readonly<Record<string, string>>): Admitted {
  const result = admit(annotations);
  if (result === undefined) throw new Error(`refused: ${JSON.stringify(annotations)}`);
  return result;
}

/** What one word means, in QEMU's words. */
const WORDS: Record<string, Record<string, (admitted: Admitted) => boolean>> = {
  'podvisor.dev/firmware': {
    bios: ({ line }) => !('pflash0' in line.machine),
    uefi: ({ line, launcher }) =>
      line.file(line.machine['pflash0']) === '/usr/share/OVMF/OVMF_CODE_4M.fd' &&
      line.file(line.machine['pflash1']) === '/podvisor/scratch/vars.fd' &&
      line.machine['smm'] === 'off' &&
      launcher.includes('variables=uefi'),
    'uefi-secure': ({ line, launcher }) =>
      line.file(line.machine['pflash0']) === '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd' &&
      line.machine['smm'] === 'on' &&
      line.all('-global').includes('driver=cfi.pflash01,property=secure,value=on') &&
      launcher.includes('variables=uefi-secure'),
  },
  'podvisor.dev/tpm': {
    none: ({ line, launcher }) => line.device('tpm-crb') === undefined && !launcher.includes('tpm'),
    ephemeral: ({ line, launcher }) => line.device('tpm-crb')?.['tpmdev'] === 'tpm0' && launcher.includes('tpm'),
  },
  'podvisor.dev/watchdog': {
    none: ({ line }) => line.device('i6300esb') === undefined,
    reset: watchdog('reset'),
    poweroff: watchdog('poweroff'),
    pause: watchdog('pause'),
  },
  'podvisor.dev/panic': {
    exit: ({ line }) => line.action['panic'] === 'exit-failure',
    pause: ({ line }) => line.action['panic'] === 'pause',
    ignore: ({ line }) => line.action['panic'] === 'none',
  },
  'podvisor.dev/rng': {
    virtio: ({ line }) => line.device('virtio-rng-pci') !== undefined,
    none: ({ line }) => line.device('virtio-rng-pci') === undefined,
  },
  'podvisor.dev/video': { none: ({ line }) => line.machine['graphics'] === 'off' },
  'podvisor.dev/machine': { q35: ({ line }) => line.all('-machine')[0]?.startsWith('pc-q35-10.0,') === true },
  'podvisor.dev/boot': {
    disk: ({ line, launcher }) => line.file('root') === '/podvisor/scratch/root.qcow2' && launcher[0] === 'disk',
    kernel: ({ line, launcher }) =>
      line.all('-kernel').length === 1 && line.file('root') === undefined && launcher[0] === 'kernel',
  },
  'podvisor.dev/dedicated-cpus': {
    false: ({ guest }) => guest.dedicatedCpus === undefined,
    true: ({ guest }) => guest.dedicatedCpus !== undefined,
  },
  'podvisor.dev/emulator-threads': {
    share: ({ guest }) => guest.dedicatedCpus?.emulatorThreads === 'share',
    isolate: ({ guest }) => guest.dedicatedCpus?.emulatorThreads === 'isolate',
  },
  'podvisor.dev/accelerator': {
    auto: ({ guest }) => guest.accelerator === 'tcg',
    tcg: ({ guest }) => guest.accelerator === 'tcg',
    kvm: () => true, // refused here: no node offers it
  },
};

function watchdog(action: string) {
  return ({ line }: Admitted) => line.device('i6300esb') !== undefined && line.action['watchdog'] === action;
}

describe('each value of a closed list renders what it means', () => {
  const supported = ANNOTATIONS.flatMap(({ name, choices = [] }) =>
    choices.filter((one) => one.status === 'supported').map((one) => [name, one.value] as const),
  );

  it.each(supported)('%s: %s', (name, value) => {
    const meaning = WORDS[name]?.[value];
    expect(meaning).toBeDefined();
    const beside = name === 'podvisor.dev/emulator-threads' ? { 'podvisor.dev/dedicated-cpus': 'true' } : {};
    const result = admit({ ...beside, [name]: value });
    if (result !== undefined) expect(meaning?.(result)).toBe(true);
    else expect(`${name}=${value}`).toBe('podvisor.dev/accelerator=kvm');
  });
});

interface DiskWish {
  readonly bus: 'virtio' | 'sata' | undefined;
  readonly serial: string | undefined;
  readonly boot: number | undefined;
  readonly cache: string | undefined;
}

const blank = fc.constantFrom('', ' ', '  ');
const wish: fc.Arbitrary<DiskWish> = fc.record({
  bus: fc.constantFrom('virtio', 'sata', undefined),
  serial: fc.option(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$/), { nil: undefined }),
  boot: fc.option(fc.integer({ min: 1, max: 99 }), { nil: undefined }),
  cache: fc.constantFrom('none', 'writeback', 'writethrough', undefined),
});

function textOf(name: string, { bus, serial, boot, cache }: DiskWish, space: string): string {
  const settings = Object.entries({ bus, serial, boot, cache }).filter(([, value]) => value !== undefined);
  return `${space}${name}${space}:${settings.map(([key, value]) => `${space}${key}=${String(value)}${space}`).join(',')}`;
}

function expectDisk(line: CommandLine, node: string, { wanted, serial }: { wanted: DiskWish; serial: string }): void {
  const { driver, serial: shown, bootindex, 'write-cache': writeCache = 'on' } = line.byDrive(node) ?? {};
  const cache = wanted.cache ?? (node === 'root' ? 'writeback' : 'none');
  expect({ driver, serial: shown, writeCache }).toEqual({
    driver: wanted.bus === 'sata' ? 'ide-hd' : 'virtio-blk-pci',
    serial: wanted.serial ?? serial,
    writeCache: cache === 'writethrough' ? 'off' : 'on',
  });
  if (wanted.boot !== undefined) expect(bootindex).toBe(String(wanted.boot));
  expect(line.blockdev(node)?.['cache']).toEqual({ direct: cache === 'none' });
}

describe('podvisor.dev/disks', () => {
  it('renders every setting of every disk, however it is spaced', () => {
    fc.assert(
      fc.property(wish, wish, blank, fc.constantFrom(';', '\n', ' ;\n'), (root, data, space, separator) => {
        fc.pre([root, data].every((one) => Object.values(one).some((value) => value !== undefined)));
        const text = [textOf('root', root, space), textOf('data', data, space)].join(separator);
        const result = admit({ 'podvisor.dev/disks': text });
        const serials = [root.serial ?? 'root', data.serial ?? 'data', 'logs'];
        const clash = new Set(serials).size < 3 || (root.boot !== undefined && root.boot === data.boot);
        expect(result === undefined).toBe(clash);
        if (result === undefined) return;
        expectDisk(result.line, 'root', { wanted: root, serial: 'root' });
        expectDisk(result.line, 'claim0', { wanted: data, serial: 'data' });
        const places = result.line.devices.map((device) => device['bootindex']).filter((place) => place !== undefined);
        expect(new Set(places).size).toBe(places.length);
        // Without a place of its own the boot disk comes after all that have one.
        if (root.boot === undefined)
          expect(Math.max(...places.map(Number))).toBe(Number(result.line.byDrive('root')?.['bootindex']));
      }),
      { numRuns: 500 },
    );
  });
});

describe('values with a grammar of their own', () => {
  it('podvisor.dev/clock: every zone is local time, set by the launcher', () => {
    for (const zone of TIME_ZONES) {
      const { line, launcher } = admitted({ 'podvisor.dev/clock': zone });
      expect(line.all('-rtc')).toEqual(['base=localtime']);
      expect(launcher).toContain(`zone=${zone}`);
    }
  });

  it('podvisor.dev/numa and huge pages: the cells have all memory and all vCPUs, each once', () => {
    const shape = fc.record({
      cells: fc.integer({ min: 1, max: 8 }),
      each: fc.integer({ min: 1, max: 8 }),
      pages: fc.integer({ min: 8, max: 4096 }),
      resource: fc.constantFrom('memory', 'hugepages-2Mi', 'hugepages-1Gi'),
    });
    fc.assert(
      fc.property(shape, ({ cells, each, pages, resource }) => {
        const page = resource === 'hugepages-1Gi' ? 1024 : 2;
        fc.pre(pages * page * cells <= 4 * 1024 * 1024);
        const limits = { cpu: String(cells * each), [resource]: `${pages * page * cells}Mi` };
        const pod = vmPod({ annotations: { 'podvisor.dev/numa': `cells=${cells}` }, guest: { resources: { limits } } });
        const parsed = parseGuest(pod, CONTEXT);
        if (!parsed.ok) throw new Error(JSON.stringify(parsed.violations));
        const { all } = commandLine(qemuArgv(parsed.guest, nodeFacts(parsed.guest)));
        expect(all('-m')).toEqual([`${pages * page * cells}M`]);
        const nodes = cells === 1 ? [] : Array.from({ length: cells }, (_, cell) => cell);
        const cpus = (cell: number) => `${cell * each}-${(cell + 1) * each - 1}`;
        expect(all('-numa')).toEqual(nodes.map((cell) => `node,nodeid=${cell},cpus=${cpus(cell)},memdev=ram${cell}`));
        const rams = all('-object').filter((text) => text.startsWith('memory-backend-'));
        expect(rams).toHaveLength(cells === 1 && resource === 'memory' ? 0 : cells);
        for (const ram of rams) {
          expect(ram).toContain(`size=${pages * page}M`);
          expect(ram.includes('hugetlb=on')).toBe(resource !== 'memory');
        }
      }),
    );
  });

  it('podvisor.dev/cloud-init: any name of a Secret, which is not in the command line', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?$/), (name) => {
        const { guest, line, launcher } = admitted({ 'podvisor.dev/cloud-init': name });
        expect(guest.cloudInit).toEqual({ secret: name });
        expect(launcher).toContain('cloud-init');
        expect(line.file('seed')).toBe('/podvisor/seed/cidata.iso');
        expect(line.blockdev('seed')?.['read-only']).toBe(true);
      }),
    );
  });
});

/** Anything somebody could write, near to what is allowed or far from it. */
const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom(...Array.from('abcdefgrotsu0159=:,;.-_/#\n\t \u2028é＝')), maxLength: 40 }),
  fc.constantFrom('uefi', 'true', 'Europe/Berlin', 'root: serial=a', 'data: boot=1', 'reset', 'ephemeral'),
);

test('whatever is accepted for any annotation keeps the command line one printable line an argument and readable by QEMU', () => {
  const names = ANNOTATIONS.filter((one) => one.status === 'supported').map((one) => one.name);
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), anyText, { minKeys: 1, maxKeys: 4 }), (annotations) => {
      const result = admit(annotations);
      if (result === undefined) return;
      expect(result.line.unknown).toEqual([]);
      expect(result.launcher.every((word) => /^[A-Za-z0-9/_+=-]+$/.test(word))).toBe(true);
    }),
    { numRuns: 3000 },
  );
});
