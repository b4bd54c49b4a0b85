import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { passLate } from '../build/pass-late.ts';

test('what is late comes in its order', async () => {
  const from = new PassThrough();
  const to = new PassThrough();
  passLate(from, to, 30);
  const pieces = Array.from({ length: 600 }, (_, index) => `${index},`);
  const send = async (): Promise<void> => {
    for (const [index, piece] of pieces.entries()) {
      from.write(piece);
      // Some come together, some alone.
      if (index % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    from.end();
  };
  const [got] = await Promise.all([text(to), send()]);
  expect(got).toBe(pieces.join(''));
});
