import { ANNOTATIONS, annotationSchema, isOurs } from '../../../api/annotations.ts';
import { parseGuest } from '../../../api/parse-pod.ts';
import { vmPod } from '../../build/pod.ts';

/** What a value needs beside it. */
const BESIDE: Readonly<Record<string, Record<string, string>>> = {
  'podvisor.dev/emulator-threads': { 'podvisor.dev/dedicated-cpus': 'true' },
};
const accepts = (name: string, value: string) =>
  parseGuest(vmPod({ annotations: { ...BESIDE[name], [name]: value } }), { accelerators: { kvm: true, tcg: true } }).ok;

describe('the annotation schema', () => {
  it('names each annotation once', () => {
    expect(new Set(ANNOTATIONS.map((one) => one.name)).size).toBe(ANNOTATIONS.length);
  });

  const values = ANNOTATIONS.flatMap((one) =>
    (one.choices ?? []).map((choice) => [one.name, choice.value, choice.status] as const),
  );
  it.each(values)('is what the parser does: %s=%s is %s', (name, value, status) => {
    expect(accepts(name, value)).toBe(status === 'supported');
  });

  it.each(ANNOTATIONS.filter((one) => one.status !== 'supported').map((one) => [one.name, one.status]))(
    'is what the parser does: %s is %s, so refused',
    (name) => expect(accepts(name, 'x')).toBe(false),
  );

  it('has a default among the values of every closed list', () => {
    for (const { choices, default: fallback } of ANNOTATIONS) {
      if (choices !== undefined) expect(choices.map((choice) => `\`${choice.value}\``)).toContain(fallback);
    }
  });

  it('is found by full name only', () => {
    expect(annotationSchema('podvisor.dev/boot')?.default).toBe('`disk`');
    expect(annotationSchema('boot')).toBeUndefined();
    expect(annotationSchema('toString')).toBeUndefined();
  });
});

describe('isOurs', () => {
  it.each<[string, boolean]>([
    ['podvisor.dev/anything', true],
    ['placement.podvisor.dev/x', true],
    ['other.podvisor.dev/x', true],
    ['podvisor.dev', false],
    ['notpodvisor.dev/x', false],
    ['podvisor.dev.example.com/x', false],
    ['example.com/podvisor.dev/x', false],
  ])('%s: %s', (name, ours) => expect(isOurs(name)).toBe(ours));
});
