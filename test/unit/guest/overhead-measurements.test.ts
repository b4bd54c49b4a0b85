import { readFileSync } from 'node:fs';
import { type Shape, shapedGuest, shapeText } from '../../../bench/overhead/shapes.ts';
import { overheadBytes } from '../../../guest/overhead.ts';
import { guestSpec } from '../../build/guest.ts';

// npm run bench:overhead-model -- --write makes this file anew; the model must hold against it.
interface Measurements {
  readonly date: string;
  readonly command: string;
  readonly accelerator: string;
  readonly shapes: readonly { readonly shape: Shape; readonly measuredMib: number }[];
}
const measurements = JSON.parse(readFileSync('bench/overhead/measurements.json', 'utf8')) as Measurements;

/** What the model may add at most to what was measured. Less would leave nothing for loads nobody measured. */
const FACTOR = { min: 1.1, max: 2 };

describe(`the overhead model against the measurements of ${measurements.date} (${measurements.command})`, () => {
  it('has twenty of them', () => expect(measurements.shapes).toHaveLength(20));

  it.each(measurements.shapes.map(({ shape, measuredMib }) => [shapeText(shape), shape, measuredMib] as const))(
    '%s: a tenth more than measured to twice as much',
    (_, shape, measuredMib) => {
      const ratio = overheadBytes(shapedGuest(shape, guestSpec())) / (1024 * 1024) / measuredMib;
      expect(ratio).toBeGreaterThanOrEqual(FACTOR.min);
      expect(ratio).toBeLessThanOrEqual(FACTOR.max);
    },
  );
});
