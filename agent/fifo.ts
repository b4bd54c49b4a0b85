import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import { createLineCutter, createRateGate, MAX_STATUS_LINE, parseStatusLine } from './status-lines.ts';
import type { SlotEvent } from './slot-types.ts';

/** Something that goes on until it is closed. */
export interface Closable {
  close(): void;
}

/** Lines per window a launcher may say; it needs two in its life. What is over that waits in the pipe and blocks its writer. */
const STATUS_RATE = { count: 20, windowMs: 10_000 };

/**
 * Reads a slot's `status` FIFO for as long as the slot lives. Opened for both directions: with no writer there would be an end of
 * file, and a launcher's write must find a reader at any time.
 */
export function readStatus(path: string, clock: Clock, onEvent: (event: SlotEvent) => void): Closable {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false });
  const cutter = createLineCutter(MAX_STATUS_LINE);
  const gate = createRateGate(STATUS_RATE.count, STATUS_RATE.windowMs);
  let timer: { cancel(): void } | undefined;
  socket.on('data', (chunk: Buffer) => {
    // Chunks count as well as lines: a flood of line-less bytes must be slowed too.
    const waits = [gate.take(clock.now())];
    for (const line of cutter.push(chunk)) {
      const wait = gate.take(clock.now());
      waits.push(wait);
      const event = wait === 0 ? parseStatusLine(line) : undefined;
      if (event !== undefined) onEvent(event);
    }
    const pause = Math.max(...waits);
    if (pause === 0) return;
    socket.pause();
    timer = clock.timer(pause, () => void socket.resume());
  });
  socket.on('error', () => undefined); // the FIFO was removed with its slot
  return {
    close: () => {
      timer?.cancel();
      socket.destroy();
    },
  };
}

/** Whether a launcher waits at the `argv` FIFO: a FIFO opens for writing without blocking only when it has a reader (fifo(7)). */
export function isReaderWaiting(path: string): boolean {
  return withWriter(path, () => undefined);
}

/** Writes to the launcher that waits; false when none does. A pipe holds 64 KiB, so one write takes it all or fails. */
export function writeToReader(path: string, text: string): boolean {
  return withWriter(path, (fd) => {
    const bytes = Buffer.from(text);
    const written = writeSync(fd, bytes);
    if (written !== bytes.length) throw new Error(`the launcher's pipe took ${written} of ${bytes.length} bytes`);
  });
}

function withWriter(path: string, use: (fd: number) => void): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENXIO' || code === 'ENOENT') return false;
    throw error;
  }
  try {
    use(fd);
    return true;
  } finally {
    closeSync(fd);
  }
}
