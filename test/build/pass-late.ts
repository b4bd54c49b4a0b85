import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Passes on what comes, each piece up to `mostMs` late, each time another while, and in its order as a connection does: timers alone do not keep
 * it, because two that are due together run as they were set to different lengths.
 */
export function passLate(from: Readable, to: Writable, mostMs: number): void {
  let before = Promise.resolve();
  const later = (act: () => void): void => {
    const due = Date.now() + Math.random() * mostMs;
    before = before.then(async () => {
      await sleep(Math.max(0, due - Date.now()), undefined, { ref: false });
      act();
    });
  };
  from.on('data', (chunk: Buffer) => later(() => to.write(chunk)));
  from.on('end', () => later(() => to.end()));
  from.on('error', () => to.destroy());
}
