import fc from 'fast-check';
import { createPacker, sameText, unpacked } from '../../../../controllers/policy-status/packed-text.ts';
import { runningVm } from '../../../build/vm-pod.ts';

/** Any text that JSON can be: no half surrogates. */
const text = fc.string({ unit: 'binary', maxLength: 400 });

it('every text comes back as it was, whichever was first', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (texts) => {
      const pack = createPacker();
      expect(texts.map((one) => unpacked(pack(one)))).toEqual(texts);
    }),
  );
});

it('texts are the same exactly when their packed forms are', () => {
  fc.assert(
    fc.property(text, text, text, (first, a, b) => {
      const pack = createPacker();
      pack(first);
      expect(sameText(pack(a), pack(b))).toBe(a === b);
      expect(sameText(pack(a), pack(a))).toBe(true);
    }),
  );
});

it('none is another than one', () => {
  const one = createPacker()('');
  expect([sameText(undefined, undefined), sameText(one, undefined), sameText(undefined, one)]).toEqual([true, false, false]);
});

it('texts longer than the window come back too, as base and after it', () => {
  const long = Array.from({ length: 20_000 }, (_, at) => at.toString(36)).join(' ');
  const pack = createPacker();
  expect(unpacked(pack(long))).toBe(long);
  expect(unpacked(pack(`${long}ü`))).toBe(`${long}ü`);
});

it('a VM pod takes a fifth of its text and less, the first one as well', () => {
  const pack = createPacker();
  for (const name of ['first', 'second', 'third']) {
    const json = JSON.stringify(runningVm({ name }));
    expect(pack(json).bytes.length).toBeLessThan(json.length / 5);
  }
});
