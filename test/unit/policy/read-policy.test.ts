import { violationText } from '../../../api/violation.ts';
import { readPolicy } from '../../../policy/read-policy.ts';
import { policyObject } from '../../build/policy.ts';

function problems(spec: object): string[] {
  const read = readPolicy(policyObject('p', spec));
  return read.ok ? [] : read.violations.map(violationText);
}

const rule = (expression: string, more: object = {}): object => ({ rules: [{ name: 'r', expression, ...more }] });

test.each<[string, object]>([
  ['empty', {}],
  [
    'selectors',
    { namespaceSelector: { matchLabels: { a: 'b' } }, podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } },
  ],
  ['a choice', { guest: { accelerator: { allowed: ['kvm'], default: 'kvm' } } }],
  ['amounts', { guest: { memory: { minimum: '256Mi', default: '1Gi', maximum: '1.5Gi' }, vcpus: { maximum: 4, default: 2 } } }],
  ['a rule', rule('guest.vcpus <= 4', { message: 'm', messageExpression: '"has " + string(guest.vcpus)' })],
  ['a forbidden annotation', { placement: { sriov: { forbidden: true } }, migration: { allowed: ['never'] } }],
  ['an exemption', { exemptions: [{ reason: 'why', users: ['jo'], until: '2026-12-31' }] }],
])('good: %s', (_, spec) => expect(problems(spec)).toEqual([]));

test.each<[string, object, string]>([
  ['wrong mode', { mode: 'enforced' }, `spec.mode: "enforced": is unknown (did you mean 'enforce'?); allowed: enforce, warn, audit`],
  ['unknown field', { image: {} }, `spec.image: is unknown (did you mean 'images'?)`],
  ['unknown guest field', { guest: { memry: {} } }, `spec.guest.memry: is unknown (did you mean 'memory'?)`],
  ['empty allowed list', { guest: { machine: { allowed: [] } } }, 'spec.guest.machine.allowed: must NOT have fewer than 1 items'],
  ['minimum above maximum', { guest: { vcpus: { minimum: 5, maximum: 4 } } }, 'spec.guest.vcpus: minimum is more than maximum'],
  ['memory the same', { guest: { memory: { minimum: '2Gi', maximum: '1Gi' } } }, 'spec.guest.memory: minimum is more than maximum'],
  ['default outside', { guest: { memory: { maximum: '1Gi', default: '2Gi' } } }, 'spec.guest.memory: default is more than maximum'],
  ['default not allowed', { guest: { accelerator: { allowed: ['kvm'], default: 'tcg' } } }, 'default is not among allowed'],
  ['default no pattern fits', { guest: { cpuModel: { allowed: ['EPYC*'], default: 'max' } } }, 'spec.guest.cpuModel.default: "max": is not allowed'],
  ['no quantity', { limits: { memory: 'much' } }, 'spec.limits.memory: "much": must match pattern'],
  ['limits of nothing', { limits: {} }, 'spec.limits: must NOT have fewer than 1 properties'],
  ['In without values', { podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, 'values go with In and NotIn'],
  ['an exemption for all', { exemptions: [{ reason: 'why' }] }, 'an exemption for everybody'],
  ['an exemption without reason', { exemptions: [{ users: ['jo'] }] }, "must have required property 'reason'"],
  ['CEL that is none', rule('guest.vcpus <='), 'spec.rules[0].expression: "guest.vcpus <=": Unexpected token'],
  ['CEL of another type', rule('guest.vcpus + 1'), 'allowed: bool'],
  ['message that is no text', rule('true', { messageExpression: '1 + 1' }), 'spec.rules[0].messageExpression: "1 + 1": gives int; allowed: string'],
  ['a rule twice', { rules: [{ name: 'r', expression: 'true' }, { name: 'r', expression: 'true' }] }, 'spec.rules[1].name: "r": is there twice'],
  ['a forced annotation that does nothing yet', { migration: { forced: 'never' } }, 'spec.migration.forced: "never": podvisor.dev/migration is not supported yet'],
  ['a default of placement that is no wish', { placement: { numa: { default: 'prefer=11' } } }, 'spec.placement.numa.default: "prefer=11": is no wish of placement; allowed: require'],
  ['a default one too', { migration: { default: 'never' } }, 'podvisor.dev/migration is not supported yet'],
  ['forbidden and forced', { migration: { forbidden: true, forced: 'x' } }, 'forbidden goes with nothing else'],
])('bad: %s', (_, spec, expected) => expect(problems(spec).join('\n')).toContain(expected)); // prettier-ignore

test('all problems at once', () => {
  expect(problems({ mode: 'x', priority: 'y', image: {} })).toHaveLength(3);
  expect(problems({ guest: { vcpus: { minimum: 2, maximum: 1 } }, ...rule('1') })).toHaveLength(2);
});

test.each<[unknown]>([[undefined], [null], ['x'], [[]], [{}], [{ metadata: null, spec: null }]])('total: %j', (raw) => {
  expect(readPolicy(raw).ok).toBe(false);
});
