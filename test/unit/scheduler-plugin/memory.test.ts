import { giveBack, takeMemory } from '../../../scheduler-plugin/memory.ts';

test('memory that was given back is gone', () => {
  const bytes = takeMemory(100);
  giveBack(bytes);
  expect([bytes.length, bytes.buffer.byteLength]).toEqual([0, 0]);
});

test('a part of a larger piece is not given back', () => {
  const [pooled, part] = [Buffer.from('pooled'), takeMemory(10).fill('x').subarray(2)];
  giveBack(pooled);
  giveBack(part);
  expect([pooled.toString(), part.toString()]).toEqual(['pooled', 'xxxxxxxx']);
});
