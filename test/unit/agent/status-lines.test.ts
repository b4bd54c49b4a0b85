import fc from 'fast-check';
import { createLineCutter, createRateGate, MAX_STATUS_LINE, parseStatusLine, plainText } from '../../../agent/status-lines.ts';
import { argvText } from '../../../agent/argv-text.ts';

test.each([
  ['ready', { type: 'ready' }],
  ['ready ', undefined],
  ['', undefined],
  ['failed 65 ImageRejected no disk', { type: 'failed', reason: 'ImageRejected', message: 'no disk' }],
  ['failed 65 Forged\u001b[31m', undefined],
  ['failed 65 MadeUp text', { type: 'failed', reason: 'GuestFailed', message: 'text' }],
  ['failed 69 QemuFailed a\u001b[2Jb\u202ec', { type: 'failed', reason: 'QemuFailed', message: 'a [2Jb c' }],
  ['failed x QemuFailed text', undefined],
])('status line %j', (line, expected) => {
  expect(parseStatusLine(line)).toEqual(expected);
});

test('any text becomes one plain line', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[\p{Cc}\u2028\u2029]/u.test(plainText(text))));
});

test('lines are the same however the bytes arrive, and over-long ones vanish', () => {
  const line = fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: MAX_STATUS_LINE + 3 });
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 50 })), (lines, sizes) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const cutter = createLineCutter(MAX_STATUS_LINE);
      const got: string[] = [];
      for (let from = 0, index = 0; from < bytes.length; index += 1) {
        const size = sizes[index % (sizes.length || 1)] ?? 4096;
        got.push(...cutter.push(bytes.subarray(from, from + size)));
        from += size;
      }
      expect(got).toEqual(lines.filter((text) => text.length <= MAX_STATUS_LINE));
    }),
  );
});

test('a gate lets a number through per window, then says how long to wait', () => {
  const gate = createRateGate(2, 1000);
  expect([gate.take(5000), gate.take(5100), gate.take(5200), gate.take(6000)]).toEqual([0, 0, 800, 0]);
});

test('argv is a header, a line per argument, and an end', () => {
  expect(argvText(['qemu', '-m', '128M'], 30)).toBe('podvisor-argv 1 grace=30\nqemu\n-m\n128M\nend\n');
  expect(() => argvText(['a\nb'], 30)).toThrow('cannot be sent');
});
