import { PassThrough } from 'node:stream';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { createQmpDecoder, encodeCommand } from '../../../../agent/qmp/framing.ts';
import { openQmp, type QmpEvent } from '../../../../agent/qmp/session.ts';
import { realClock } from '../../../../runtime/clock.ts';

test('messages are the same however the bytes arrive', () => {
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue())), fc.integer({ min: 1, max: 64 }), (messages, size) => {
      const bytes = Buffer.from(messages.map((message) => `${JSON.stringify(message)}\r\n`).join(''));
      const decoder = createQmpDecoder();
      const got: unknown[] = [];
      for (let from = 0; from < bytes.length; from += size) got.push(...decoder.push(bytes.subarray(from, from + size)));
      expect(got).toEqual(messages.map((message) => JSON.parse(JSON.stringify(message)) as unknown));
    }),
  );
});

test('any bytes either decode or are refused; nothing else is thrown and nothing piles up', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) => {
      const decoder = createQmpDecoder(100);
      try {
        for (const chunk of chunks) decoder.push(Buffer.from(chunk));
      } catch (error) {
        expect(String(error)).toMatch(/a QMP message is/);
      }
    }),
  );
});

test.each([
  ['[1]\n', 'not an object'],
  ['nonsense\n', 'not JSON'],
  ['x'.repeat(101), 'longer than 100'],
])('%j is refused', (text, reason) => {
  expect(() => createQmpDecoder(100).push(Buffer.from(text))).toThrow(reason);
});

test('a session greets, speaks by id and hears events', async () => {
  const [fromQemu, toQemu] = [new PassThrough(), new PassThrough()];
  const stream = Duplex.from({ readable: fromQemu, writable: toQemu });
  const events: QmpEvent[] = [];
  const closed: string[] = [];
  const decoder = createQmpDecoder();
  toQemu.on('data', (chunk: Buffer) => {
    for (const { execute, id } of decoder.push(chunk)) {
      const answer = execute === 'query-status' ? { return: { status: 'running' }, id } : { return: {}, id };
      fromQemu.write(`${JSON.stringify(execute === 'system_powerdown' ? { error: { desc: 'no\u0007' }, id } : answer)}\n`);
    }
  });
  fromQemu.write('{"QMP":{"version":{}}}\n{"event":"RESUME","timestamp":{}}\n');
  const listener = {
    onEvent: (event: QmpEvent) => void events.push(event),
    onClosed: (reason: string) => void closed.push(reason),
  };
  const session = await openQmp(stream, listener, { clock: realClock });
  expect(await session.execute('query-status')).toEqual({ status: 'running' });
  await expect(session.execute('system_powerdown')).rejects.toThrow('QEMU refused system_powerdown: no');
  expect(events).toEqual([{ name: 'RESUME', data: {} }]);
  session.close();
  expect(closed).toEqual(['closed by the agent']);
  await expect(session.execute('query-status')).rejects.toThrow('closed');
});

test('a command is one line', () => {
  expect(encodeCommand('x', 1, { a: 'b\n' })).toBe('{"execute":"x","arguments":{"a":"b\\n"},"id":1}\n');
});
