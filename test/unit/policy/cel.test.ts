import { celContext, compileCel } from '../../../policy/cel.ts';
import { guestSpec } from '../../build/guest.ts';
import { vmPod } from '../../build/pod.ts';

const variables = {
  pod: vmPod({ name: 'web', annotations: { 'example.com/note': 'x' } }),
  guest: guestSpec({ vcpus: 4 }),
  namespaceObject: { metadata: { name: 'team', labels: { stage: 'prod' } } },
};

function evaluate(expression: string, context: object = variables): unknown {
  const compiled = compileCel(expression, 'bool');
  if (!compiled.ok) return `refused: ${compiled.reason}`;
  const outcome = compiled.program.run(celContext({ ...context }));
  return outcome.ok ? outcome.value : `failed: ${outcome.reason}`;
}

test.each<[string, unknown]>([
  ['guest.vcpus % 2 == 0', true],
  ['guest.memoryBytes <= 1024 * 1024 * 1024', true],
  ["namespaceObject.metadata.labels['stage'] == 'prod'", true],
  ["pod.metadata.?labels['app'].orValue('none') == 'none'", true],
  ["has(pod.metadata.annotations) && 'example.com/note' in pod.metadata.annotations", true],
  ["pod.spec.containers.exists(c, c.name == 'guest')", true],
  ['quantity(pod.spec.containers[0].resources.limits.memory).compareTo(quantity("1Gi")) < 0', true],
  ['quantity("1500m").isGreaterThan(quantity("1"))', true],
  ["guest.boot.image.glob('localhost/**')", true],
  ['pod.metadata.annotations.missing == "x"', expect.stringContaining('failed: No such key: missing')],
  ['quantity("many").isLessThan(quantity("1"))', expect.stringContaining('failed: quantity("many") is not')],
  ['guest.vcpus', 'failed'],
])('%s', (expression, expected) => {
  if (expected === 'failed') expect(evaluate(expression)).toBe(4n);
  else expect(evaluate(expression)).toEqual(expected);
});

test.each<[string, string]>([
  ['guest.vcpus >', 'Unexpected token'],
  ['gest.vcpus > 1', 'Unknown variable: gest'],
  ['"text"', 'gives string; allowed: bool'],
  ["guest.boot.image.matches('(a+)+$')", 'use .glob(pattern)'],
  ['true || '.repeat(400) + 'true', 'maxAstNodes'],
  ['pod.a.all(a, pod.b.all(b, pod.c.all(c, pod.d.all(d, pod.e.all(e, a == b)))))', 'steps for an ordinary pod; allowed: 1000000'],
])('refused: %.60s', (expression, reason) => expect(String(evaluate(expression))).toContain(reason));

test('texts that double are bounded: thirty doublings are refused', () => {
  const doubled = `[pod.metadata.name]${'.map(x, x + x)'.repeat(30)}.exists(x, x.contains('a'))`;
  expect(evaluate(doubled)).toContain('steps for an ordinary pod');
});

test('a rule that is cheap for an ordinary pod is not evaluated on one with lists too long for it', () => {
  const rule = 'pod.spec.volumes.all(a, pod.spec.volumes.exists_one(b, a.name == b.name))';
  const volumes = (count: number) => ({
    pod: { spec: { volumes: Array.from({ length: count }, (_, n) => ({ name: `v${n}` })) } },
  });
  expect(evaluate(rule, volumes(30))).toBe(true);
  expect(evaluate(rule, volumes(20_000))).toContain('steps for this pod; allowed: 1000000');
});

test('keys of the prototype are no keys', () => {
  expect(evaluate("has(pod.constructor) || '__proto__' in pod")).toBe(false);
});

describe('a rule sees what it names, as if all of the pod were there', () => {
  test.each<[string, unknown]>([
    ['has(pod.spec.containers) && !has(pod.spec.hostname) && !has(pod.status)', true],
    ['pod.metadata.name == "web" && pod.metadata == pod.metadata', true],
    ['pod.metadata.size() >= 2', true],
    ['pod.all(key, key != "")', true],
    ['pod.spec.containers.all(pod, pod.name == "guest")', true],
    ['pod.spec.containers[0].resources.limits.memory == "512Mi" || pod.spec.containers.size() == 1', true],
    ['pod.?spec.?nothing.orValue("none") == "none"', true],
    ['pod.metadata.name.size.length == 1', expect.stringContaining('failed: ')],
    ['pod.nothing.name == "x"', expect.stringContaining('failed: No such key: nothing')],
  ])('%s', (expression, expected) => expect(evaluate(expression)).toEqual(expected));

  test('and is bounded by that alone: a long annotation does not make a rule on containers too expensive', () => {
    const annotations = { note: 'x'.repeat(900_000) };
    const rule = (text: string) => `pod.spec.containers.all(c, c.name.contains(${text})) || true`;
    const pod = vmPod({ name: 'web', annotations });
    expect(evaluate(rule('"g"'), { ...variables, pod })).toBe(true);
    expect(
      evaluate(`pod.metadata.annotations.all(k, ${'k.contains("a") || '.repeat(30)} true)`, { ...variables, pod }),
    ).toContain('steps');
  });

  test('two rules of one request see the same part converted once, and their own parts apart', () => {
    const context = celContext({ ...variables });
    const run = (expression: string): unknown => {
      const compiled = compileCel(expression, 'bool');
      return compiled.ok ? compiled.program.run(context) : compiled.reason;
    };
    expect(run('guest.vcpus == 4')).toEqual({ ok: true, value: true });
    expect(run('guest.vcpus == 4 && guest.machine == "q35"')).toEqual({ ok: true, value: true });
    expect(run('guest.size() > 5')).toEqual({ ok: true, value: true });
  });
});
