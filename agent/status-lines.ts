import type { SlotEvent } from './slot-types.ts';

/**
 * What the launcher says through the slot's `status` FIFO: `ready`, or `failed <code> <Reason> <message>`. Everything in it is the
 * tenant's text: anybody in the launcher container can write it.
 */

/** Longest line taken (PIPE_BUF is 4096, the launcher keeps to this). Longer ones are dropped whole. */
export const MAX_STATUS_LINE = 1024;
/** Reasons the launcher knows; any other word becomes {@link UNKNOWN_REASON}, so that no tenant invents Event reasons. */
const REASONS: ReadonlySet<string> = new Set([
  'LauncherProtocol',
  'ImageRejected',
  'CloudInitRejected',
  'QemuFailed',
  'QemuKilled',
  'GuestPanicked',
  'WatchdogFired',
  'ForcedOff',
]);
const UNKNOWN_REASON = 'GuestFailed';
const FAILED = /^failed \d{1,3} ([A-Za-z]{1,64}) (.*)$/;

/** An event, or undefined for a line that says nothing we know. */
export function parseStatusLine(line: string): SlotEvent | undefined {
  if (line === 'ready') return { type: 'ready' };
  const match = FAILED.exec(line);
  if (match === null) return undefined;
  const [, reason = '', message = ''] = match;
  return { type: 'failed', reason: REASONS.has(reason) ? reason : UNKNOWN_REASON, message: plainText(message) };
}

/** Text without control characters, line breaks and direction marks, so that it cannot forge what is around it in a log or on a terminal. */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, ' ').trim();
}

/** Cuts a byte stream into lines of bounded length; over-long lines vanish. */
export interface LineCutter {
  /** The complete lines this chunk ends. */
  push(chunk: Buffer): string[];
}

/** A cutter that holds at most `maxBytes` of an unfinished line. */
export function createLineCutter(maxBytes: number): LineCutter {
  let rest: Buffer = Buffer.alloc(0);
  let skipping = false;
  const finish = (tail: Buffer): string[] => {
    const tooLong = skipping || rest.length + tail.length > maxBytes;
    const line = tooLong ? [] : [Buffer.concat([rest, tail]).toString('utf8')];
    rest = Buffer.alloc(0);
    skipping = false;
    return line;
  };
  const hold = (tail: Buffer): void => {
    if (skipping || rest.length + tail.length > maxBytes) {
      skipping = true;
      rest = Buffer.alloc(0);
    } else {
      rest = Buffer.concat([rest, tail]);
    }
  };
  return {
    push: (chunk) => {
      const lines: string[] = [];
      let from = 0;
      for (let end = chunk.indexOf(10, from); end >= 0; end = chunk.indexOf(10, from)) {
        lines.push(...finish(chunk.subarray(from, end)));
        from = end + 1;
      }
      hold(chunk.subarray(from));
      return lines;
    },
  };
}

/** At most `count` per `windowMs`: what is over it must wait. Pure state, time comes in. */
export interface RateGate {
  /** Milliseconds to wait before the next; 0 = go on. */
  take(now: number): number;
}

/** A gate for what a tenant can send in any number. */
export function createRateGate(count: number, windowMs: number): RateGate {
  let startedAt = 0;
  let used = 0;
  return {
    take: (now) => {
      if (now - startedAt >= windowMs || now < startedAt) {
        startedAt = now;
        used = 0;
      }
      used += 1;
      return used <= count ? 0 : startedAt + windowMs - now;
    },
  };
}
