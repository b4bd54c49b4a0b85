/** Version of the argv protocol, spoken by launcher/podvisor-launch. */
const HEADER = 'podvisor-argv 1';

/**
 * What the launcher reads from the slot's `argv` FIFO: a header with the grace period, one argument a line, `end`.
 * Throws when an argument cannot be said in it, which is a bug of guest/.
 */
export function argvText(argv: readonly string[], gracePeriodSeconds: number): string {
  for (const argument of argv) {
    if (argument === '' || /[\n\r\0]/.test(argument))
      throw new Error(`an argument of QEMU cannot be sent: ${JSON.stringify(argument)}`);
  }
  return [`${HEADER} grace=${gracePeriodSeconds}`, ...argv, 'end', ''].join('\n');
}
