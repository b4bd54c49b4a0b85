import './environment.ts';
import { PassThrough, Writable } from 'node:stream';
import { Attach, KubeConfig } from '@kubernetes/client-node';

/** An open serial console, as `kubectl attach -it` opens it. */
export interface GuestConsole {
  /** Types a line. */
  type(line: string): void;
  /** Resolves with the console's text since opening as soon as it matches. */
  expect(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  close(): void;
}

/** Attaches to the guest container of a pod with a tty. */
export async function attach(namespace: string, pod: string, container = 'guest'): Promise<GuestConsole> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const stdin = new PassThrough();
  let text = '';
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const socket = await new Attach(config).attach(namespace, pod, container, stdout, stdout, stdin, true);
  return {
    type: (line) => void stdin.write(`${line}\n`),
    expect: (pattern, timeoutMs = 20_000) => untilMatches(() => text, pattern, timeoutMs),
    close: () => socket.close(),
  };
}

async function untilMatches(text: () => string, pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const match = text().match(pattern);
    if (match) return match;
    if (Date.now() > end) throw new Error(`console did not show ${String(pattern)}; it showed:\n${text()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Types a command and returns what it printed between two marks, so that the shell's echo cannot be taken for the answer. */
export async function runInGuest(namespace: string, pod: string, command: string, timeoutMs = 20_000): Promise<string> {
  const console = await attach(namespace, pod);
  try {
    // A first Enter wakes a getty; the marks are spelled apart so that their echo does not match.
    console.type('');
    console.type(`echo "<<""BEGIN"; ${command}; echo "END"">>"`);
    const match = await console.expect(/<<BEGIN\r*\n([\s\S]*?)END>>/, timeoutMs);
    return (match[1] ?? '').replaceAll('\r', '').trim();
  } finally {
    console.close();
  }
}

/** Types a command whose answer nobody waits for (power-off, panic). */
export async function typeInGuest(namespace: string, pod: string, command: string): Promise<void> {
  const console = await attach(namespace, pod);
  console.type('');
  console.type(`echo "<<""TYPED>>"; ${command}`);
  await console.expect(/<<TYPED>>/);
  console.close();
}
