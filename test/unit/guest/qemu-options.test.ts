import fc from 'fast-check';
import { parseGuest } from '../../../api/parse-pod.ts';
import { parseGuestText } from '../../../api/parse-stored.ts';
import type { GuestSpec } from '../../../api/guest-spec.ts';
import { diskSerial } from '../../../guest/disks.ts';
import { qemuArgv } from '../../../guest/qemu-argv.ts';
import { checkedArguments, escapeValue, isArgument, option } from '../../../guest/qemu-options.ts';
import { guestSpec, nodeFacts } from '../../build/guest.ts';
import { vmPod } from '../../build/pod.ts';

/** QEMU's own rule, written here another way: one comma separates, two are one comma of the value. */
function splitOption(text: string): string[] {
  const comma = '\u{e000}';
  return text
    .replaceAll(',,', comma)
    .split(',')
    .map((part) => part.replaceAll(comma, ','));
}

const hostile = fc.oneof(
  fc.string(),
  fc.string({
    unit: fc.constantFrom(',', '=', '\n', '\r', '\0', '"', '\\', '{', '}', '/', '.', '-', ' ', 'a', '\u2028', '$', '`'),
  }),
  fc.constantFrom('x,script=/tmp/evil', 'a,,b', '../../x', '-monitor stdio', 'x\n-monitor\nstdio', '{"driver":"file"}', 'max,+x'),
);

describe('option', () => {
  it('T9: is read by QEMU as the words and values it was made of, whatever they hold', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (word, first, second) => {
        expect(splitOption(option(word, { a: first, b: second, c: true, d: 7 }))).toEqual([
          word,
          `a=${first}`,
          `b=${second}`,
          'c=on',
          'd=7',
        ]);
      }),
      { numRuns: 2000 },
    );
  });
  it('doubles commas', () => expect(escapeValue('a,b,,c')).toBe('a,,b,,,,c'));
});

describe('an argument is one printable line', () => {
  it.each(['', 'a\nb', 'a\r', '\0', 'a\u2028b', 'a\u2029b', 'a\u0085b', '\u001b[0m'])('%j is none', (text) => {
    expect(isArgument(text)).toBe(false);
    expect(() => checkedArguments(['x', text])).toThrow('QEMU argument 1');
  });
  it.each(['-nodefaults', '{"a": "b"}', 'console=ttyS0 panic=5', 'é'])('%j is one', (text) =>
    expect(isArgument(text)).toBe(true),
  );
});

/** The keys each option of ours may have; everything else in a command line is a word of ours or JSON. */
function shapeOf(argv: readonly string[]): string[] {
  return argv.map((argument) => {
    if (argument.startsWith('{')) return JSON.stringify(Object.keys(JSON.parse(argument) as object));
    return splitOption(argument)
      .map((part) => part.split('=')[0])
      .join();
  });
}

/** No text in the spec may change the shape of the command line: which arguments there are and which keys each has. */
function expectShape(guest: GuestSpec): void {
  const argv = qemuArgv(guest, nodeFacts(guest));
  expect(argv.every(isArgument)).toBe(true);
  const tame = guestSpec({
    boot: { ...guestSpec().boot, mode: guest.boot.mode },
    cpu: { ...guestSpec().cpu, model: guest.cpu.model, features: guest.cpu.features },
    disks: guest.disks.map((_, index) => ({ volume: `v${index}` })),
    ...(guest.clock === undefined ? {} : { clock: 'Asia/Tokyo' }),
    ...(guest.cloudInit === undefined ? {} : { cloudInit: { secret: 's' } }),
    networks: guest.networks,
  });
  expect(shapeOf(argv)).toEqual(shapeOf(qemuArgv(tame, nodeFacts(tame))));
  const cpu = splitOption(argv[argv.indexOf('-cpu') + 1] ?? '');
  expect(cpu).toHaveLength(1 + guest.cpu.features.length);
}

describe('T8, T9: hostile input never reaches the command line', () => {
  it('from a pod: it is refused, or the command line has the shape of a tame one', () => {
    fc.assert(
      fc.property(
        fc.record({ name: hostile, image: hostile, model: hostile, features: hostile, volume: hostile, net: hostile }),
        (text) => {
          const pod = vmPod({
            annotations: {
              'podvisor.dev/cpu-model': text.model,
              'podvisor.dev/cpu-features': text.features,
              'k8s.v1.cni.cncf.io/networks': text.net,
            },
            guest: { name: text.name, image: text.image, volumeDevices: [{ name: text.volume, devicePath: '/dev/x' }] },
          });
          const parsed = parseGuest(pod, { accelerators: { kvm: false, tcg: true } });
          if (parsed.ok) expectShape(parsed.guest);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each(['container', 'image', 'model', 'feature', 'volume', 'network', 'interface', 'serial', 'zone', 'secret'] as const)(
    'from a forged GuestSpec, one field at a time: %s',
    (field) => {
      fc.assert(
        fc.property(hostile, (text) => {
          const read = parseGuestText(JSON.stringify(forged(field, text)));
          if (read.ok) expectShape(read.guest);
        }),
        { numRuns: 1000 },
      );
    },
  );
});

function forged(field: string, text: string): GuestSpec {
  const set = (name: string, otherwise: string) => (field === name ? text : otherwise);
  return guestSpec({
    container: set('container', 'guest'),
    boot: { mode: 'disk', image: set('image', 'a'), pullPolicy: 'Never' },
    cpu: { model: set('model', 'max'), features: [set('feature', '+avx2')] },
    disks: [{ volume: set('volume', 'data'), serial: set('serial', 'D1') }],
    clock: set('zone', 'Europe/Berlin'),
    cloudInit: { secret: set('secret', 'seed') },
    networks: [...guestSpec().networks, { name: set('network', 'a/b'), interface: set('interface', 'net1'), binding: 'bridge' }],
  });
}

describe('a disk serial', () => {
  it.each<[string, string]>([
    ['data', 'data'],
    ['exactly-twenty-chars', 'exactly-twenty-chars'],
  ])('of %s is %s', (volume, serial) => expect(diskSerial(volume)).toBe(serial));

  it('is at most 20 characters, and two long names that begin alike differ', () => {
    const [one, two] = [diskSerial('a-volume-name-longer-than-twenty-1'), diskSerial('a-volume-name-longer-than-twenty-2')];
    expect(one).toHaveLength(20);
    expect(one).not.toBe(two);
  });

  it("is never the boot disk's", () => expect(diskSerial('root')).toMatch(/^root-[0-9a-f]{8}$/));
});
