/** A command line of QEMU as QEMU reads it (util/keyval.c, qemu-option.c, block JSON), for tests. */
export interface CommandLine {
  /** Values of an option, in order. */
  readonly all: (option: string) => readonly string[];
  readonly machine: Options;
  readonly action: Options;
  readonly devices: readonly Options[];
  readonly device: (driver: string) => Options | undefined;
  readonly byDrive: (node: string) => Options | undefined;
  blockdev(node: string | undefined): Readonly<Record<string, unknown>> | undefined;
  /** Path of the file behind a block node. */
  file(node: string | undefined): string | undefined;
  /** Arguments that are neither an option we use nor the value of one. */
  readonly unknown: readonly string[];
}

type Options = Readonly<Record<string, string>>;

const FLAGS = ['-no-user-config', '-nodefaults'];
const WITH_VALUE = [
  ...['-name', '-display', '-sandbox', '-msg', '-machine', '-accel', '-cpu', '-smp', '-m', '-overcommit', '-action', '-rtc'],
  ...['-chardev', '-serial', '-mon', '-boot', '-kernel', '-initrd', '-append', '-blockdev', '-device', '-netdev', '-object'],
  ...['-global', '-tpmdev', '-numa'],
];

/** Reads a command line. */
export function commandLine(argv: readonly string[]): CommandLine {
  const values = new Map<string, string[]>();
  const unknown: string[] = [];
  for (let index = 1; index < argv.length; index += 1) {
    const option = argv[index] ?? '';
    if (FLAGS.includes(option)) continue;
    if (!WITH_VALUE.includes(option)) unknown.push(option);
    index += 1;
    values.set(option, [...(values.get(option) ?? []), argv[index] ?? '']);
  }
  const all = (option: string) => values.get(option) ?? [];
  const devices = all('-device').map((text) => optionsOf(text, 'driver'));
  const blockdevs = all('-blockdev').map((text) => JSON.parse(text) as Record<string, unknown>);
  const blockdev = (node: string | undefined) => blockdevs.find((one) => one['node-name'] === node);
  return {
    all,
    devices,
    unknown,
    blockdev,
    machine: optionsOf(all('-machine')[0] ?? '', 'type'),
    action: optionsOf(all('-action')[0] ?? '', 'type'),
    device: (driver) => devices.find((one) => one['driver'] === driver),
    byDrive: (node) => devices.find((one) => one['drive'] === node),
    file: (node) => (blockdev(node)?.['file'] as { filename?: string } | undefined)?.filename,
  };
}

/** `first,key=value,…`, two commas being one of the value. */
function optionsOf(text: string, first: string): Options {
  const comma = '\u{e000}';
  const parts = text.replaceAll(',,', comma).split(',').map((part) => part.replaceAll(comma, ',')); // prettier-ignore
  return Object.fromEntries(
    parts.map((part, index) => {
      const at = part.indexOf('=');
      return at < 0 ? [index === 0 ? first : part, part] : [part.slice(0, at), part.slice(at + 1)];
    }),
  );
}
