import { isRecord } from '../../runtime/record.ts';

/**
 * QMP's wire format (qemu docs/interop/qmp-spec.rst): one JSON object a line. The peer is QEMU in the tenant's sandbox, so it is taken as
 * hostile: bounded lines, objects only, text checked before use.
 */
export type QmpMessage = Readonly<Record<string, unknown>>;

/** Longest message taken. query-block of many disks is some ten KiB. */
export const MAX_QMP_LINE = 1024 * 1024;

/** Cuts a byte stream into messages. */
export interface QmpDecoder {
  /** The messages this chunk ends. Throws on what is no QMP; the connection is then to be closed. */
  push(chunk: Buffer): QmpMessage[];
}

/** A decoder for one connection. */
export function createQmpDecoder(maxLine = MAX_QMP_LINE): QmpDecoder {
  let chunks: Buffer[] = [];
  let held = 0;
  const hold = (part: Buffer): void => {
    held += part.length;
    if (held > maxLine) throw new Error(`a QMP message is longer than ${maxLine} bytes`);
    if (part.length > 0) chunks.push(part);
  };
  const take = (): string => {
    const text = Buffer.concat(chunks).toString('utf8').trim();
    chunks = [];
    held = 0;
    return text;
  };
  return {
    push: (chunk) => {
      const messages: QmpMessage[] = [];
      let from = 0;
      for (let end = chunk.indexOf(10, from); end >= 0; end = chunk.indexOf(10, from)) {
        hold(chunk.subarray(from, end));
        const text = take();
        if (text !== '') messages.push(parseMessage(text));
        from = end + 1;
      }
      hold(chunk.subarray(from));
      return messages;
    },
  };
}

function parseMessage(text: string): QmpMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('a QMP message is not JSON');
  }
  if (!isRecord(value)) throw new Error('a QMP message is not an object');
  return value;
}

/** One command as a line. */
export function encodeCommand(execute: string, id: number, args?: object): string {
  return `${JSON.stringify({ execute, ...(args === undefined ? {} : { arguments: args }), id })}\n`;
}
