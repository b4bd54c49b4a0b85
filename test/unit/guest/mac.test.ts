import fc from 'fast-check';
import { deriveMac, fnv1a64, type Hash64 } from '../../../guest/mac.ts';

const whole = ({ high, low }: Hash64): bigint => (BigInt(high) << 32n) | BigInt(low);

describe('fnv1a64 is FNV-1a', () => {
  // Test vectors of the algorithm's authors.
  it.each<[string, bigint]>([
    ['', 0xcbf29ce484222325n],
    ['a', 0xaf63dc4c8601ec8cn],
    ['foobar', 0x85944171f73967e8n],
  ])('%j', (text, hash) => expect(whole(fnv1a64(text))).toBe(hash));

  it('for any text, as its definition in bigints says', () => {
    const defined = (text: string): bigint =>
      Array.from({ length: text.length }, (_, index) => BigInt(text.charCodeAt(index))).reduce(
        (hash, unit) => BigInt.asUintN(64, (hash ^ unit) * 0x100000001b3n),
        0xcbf29ce484222325n,
      );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => whole(fnv1a64(text)) === defined(text)));
  });
});

describe('deriveMac', () => {
  it('never changes: a guest recreated under its name keeps its address', () => {
    expect(deriveMac('default', 'vm', 'pod')).toBe(deriveMac('default', 'vm', 'pod'));
    expect(deriveMac('default', 'vm', 'pod')).toMatchInlineSnapshot(`"02:e7:61:7f:b4:a7"`);
  });

  it('is a locally administered unicast address', () => {
    fc.assert(fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => /^02(:[0-9a-f]{2}){5}$/.test(deriveMac(a, b, c))));
  });

  it('differs by namespace, pod and network', () => {
    const names = ['a', 'b', 'ab', 'vm-0', 'vm-1', 'default'];
    const macs = names.flatMap((one) => names.flatMap((two) => names.map((three) => deriveMac(one, two, three))));
    expect(new Set(macs).size).toBe(macs.length);
  });

  it('collides no more than chance over the pods of a large cluster', () => {
    const macs = Array.from({ length: 20_000 }, (_, index) => deriveMac(`team-${index % 50}`, `web-${index}`, 'pod'));
    expect(new Set(macs).size).toBe(macs.length);
  });
});
