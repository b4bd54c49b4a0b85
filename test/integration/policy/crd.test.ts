import { policyObject } from '../../build/policy.ts';
import { startApiServer } from '../api-server.ts';
import type { ApiServer } from '../api-server.ts';
import { applyPolicyCrd, policyPath, tryCreate } from './rig.ts';

let api: ApiServer;
let counter = 0;

beforeAll(async () => {
  api = await startApiServer();
  await applyPolicyCrd(api);
}, 120_000);

afterAll(() => api.close(), 30_000);

/** As `kubectl apply` does: fields nobody knows are an error. No webhook runs here. */
const create = (spec: object): Promise<string> =>
  tryCreate(api, policyPath(), policyObject(`p${(counter += 1)}`, spec), { fieldValidation: 'Strict' });

test.each<[string, object, string]>([
  ['wrong mode', { mode: 'enforced' }, 'spec.mode: Unsupported value: "enforced"'],
  ['unknown field', { image: {} }, 'unknown field "spec.image"'],
  ['empty allowed list', { guest: { machine: { allowed: [] } } }, 'spec.guest.machine.allowed'],
  ['a value no guest can have', { guest: { machine: { allowed: ['pc'] } } }, 'Unsupported value: "pc"'],
  ['vCPUs', { guest: { vcpus: { minimum: 5, maximum: 4 } } }, 'minimum is more than maximum'],
  ['memory', { guest: { memory: { minimum: '2Gi', maximum: '1500Mi' } } }, 'minimum is more than maximum'],
  ['memory default', { guest: { memory: { maximum: '1Gi', default: '1.5Gi' } } }, 'default is more than maximum'],
  ['default not allowed', { guest: { accelerator: { allowed: ['kvm'], default: 'tcg' } } }, 'default is not among allowed'],
  ['default forbidden', { guest: { accelerator: { forbidden: ['tcg'], default: 'tcg' } } }, 'default is forbidden'],
  ['no quantity', { limits: { memory: 'much' } }, 'spec.limits.memory'],
  ['limits of nothing', { limits: {} }, 'spec.limits'],
  ['In without values', { podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, 'values go with In and NotIn'],
  [
    'Exists with values',
    { podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } },
    'values go with In and NotIn',
  ],
  ['an exemption for all', { exemptions: [{ reason: 'why' }] }, 'an exemption for everybody'],
  ['an exemption without reason', { exemptions: [{ users: ['jo'] }] }, 'spec.exemptions[0].reason'],
  ['forbidden and forced', { migration: { forbidden: true, forced: 'x' } }, 'forbidden goes with nothing else'],
  ['forced and default', { migration: { forced: 'x', default: 'x' } }, 'forced is a default already'],
  ['an expression too long', { rules: [{ name: 'a', expression: 'x'.repeat(1025) }] }, 'spec.rules[0].expression'],
])('the API server alone refuses: %s', async (_, spec, expected) => expect(await create(spec)).toContain(expected));

test.each<[string, object]>([
  ['an empty one', {}],
  [
    'one with everything',
    {
      mode: 'warn',
      priority: 10,
      message: 'ask',
      namespaceSelector: { matchLabels: { a: 'b' } },
      podSelector: { matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['b'] }] },
      guest: {
        accelerator: { allowed: ['kvm'], default: 'kvm' },
        memory: { minimum: '256Mi', default: '1Gi', maximum: '1.5Gi' },
        vcpus: { minimum: 1, default: 2, maximum: 4 },
        cpuFeatures: { forbidden: ['vmx'] },
      },
      images: { allowed: ['reg.io/**'], requireDigest: true },
      networks: { allowed: ['pod'], bindings: ['masquerade'] },
      devices: { forbidden: ['**'] },
      limits: { vms: 3, vcpus: 8, memory: '16Gi' },
      placement: { numa: { forbidden: true } },
      migration: { allowed: ['never'] },
      rules: [{ name: 'r', expression: 'guest.vcpus < 9', message: 'm', messageExpression: '"x"' }],
      exemptions: [{ reason: 'why', groups: ['ops'], until: '2026-12-31' }],
    },
  ],
])('and takes: %s', async (_, spec) => expect(await create(spec)).toBe('created'));

test('mode is defaulted, and status is a subresource', async () => {
  await api.client.create(policyPath(), policyObject('shown', { priority: 7 }));
  const status = { status: { matching: 3, violating: 1 } };
  await api.client.patch(policyPath('shown'), { type: 'merge', body: status, subresource: 'status' });
  const stored = await api.client.get<{ spec: object; status: object }>(policyPath('shown'));
  expect(stored).toMatchObject({ spec: { mode: 'enforce', priority: 7 }, status: { matching: 3, violating: 1 } });
});
