/**
 * How values enter QEMU's command line. An argument is one line on its way to the launcher, and inside a `key=value,key=value` option a
 * comma ends the value unless doubled (QEMU's util/keyval.c and qemu-option.c).
 */

/** A value for one option; `true`/`false` print as on/off. */
export type OptionValue = string | number | boolean;

/** A comma-separated QEMU option: the leading word, then `key=value` pairs with commas in values doubled. */
export function option(word: string, values: Readonly<Record<string, OptionValue>> = {}): string {
  const pairs = Object.entries(values).map(([key, value]) => `${key}=${escapeValue(optionText(value))}`);
  return [escapeValue(word), ...pairs].join(',');
}

function optionText(value: OptionValue): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(value);
}

/** Doubles commas: the only character with a meaning inside a QEMU option value. */
export function escapeValue(text: string): string {
  return text.replaceAll(',', ',,');
}

/** Whether a text may be one argument: printable, one line, no NUL. */
export function isArgument(text: string): boolean {
  return text !== '' && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text);
}

/**
 * The argument list itself when every argument is a single printable line.
 * Throws: anything else is a bug, since every string in a GuestSpec has passed a pattern.
 */
export function checkedArguments(argv: readonly string[]): readonly string[] {
  const bad = argv.findIndex((argument) => !isArgument(argument));
  if (bad !== -1) throw new Error(`QEMU argument ${bad} is empty or has a control character: ${JSON.stringify(argv[bad])}`);
  return argv;
}
