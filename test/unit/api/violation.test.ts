import { violationsText, violationText } from '../../../api/violation.ts';

describe('violationText', () => {
  it('is field, value and message on one line', () => {
    expect(violationText({ field: 'spec.a', value: 'x', message: 'allowed: y' })).toBe('spec.a: "x": allowed: y');
    expect(violationText({ field: 'spec.a', message: 'is missing' })).toBe('spec.a: is missing');
  });
  it('keeps a hostile value on that line and short', () => {
    const text = violationText({ field: 'f', value: `a\n\u001b[31m${'x'.repeat(10_000)}`, message: 'm' });
    expect(text).not.toMatch(/[\n\u001b]/);
    expect(text.length).toBeLessThan(120);
  });
});

describe('violationsText', () => {
  it('numbers several', () => {
    const one = { field: 'a', message: 'm' };
    expect(violationsText([one])).toBe('a: m');
    expect(violationsText([one, one])).toBe('(1) a: m; (2) a: m');
  });
  it('stops at twenty', () => {
    const text = violationsText(Array.from({ length: 500 }, () => ({ field: 'a', message: 'm' })));
    expect(text).toMatch(/; \(20\) a: m; and 480 more$/);
  });
});
