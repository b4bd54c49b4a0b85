import fc from 'fast-check';
import request from 'supertest';
import type { Pod } from '../../../api/pod.ts';
import { violationsText } from '../../../api/violation.ts';
import { compilePolicy } from '../../../policy/compile.ts';
import { byPriority } from '../../../policy/select.ts';
import type { CompiledPolicy } from '../../../policy/types.ts';
import { realClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { POLICY_PATH, VALIDATE_PATH } from '../../../webhooks/names.ts';
import type { AdmissionContext } from '../../../webhooks/pod/context.ts';
import { podPatch } from '../../../webhooks/pod/pod-patch.ts';
import { auditAnnotations } from '../../../webhooks/policy/audit-annotations.ts';
import { decidePolicy } from '../../../webhooks/policy/review-policy.ts';
import { mutateUnderPolicies, validateUnderPolicies } from '../../../webhooks/policy/under-policies.ts';
import { ADMITTED_MS, countedVm, createUsage } from '../../../webhooks/policy/usage.ts';
import { createAdmissionApp } from '../../../webhooks/server/app.ts';
import { createAdmissionMetrics } from '../../../webhooks/server/metrics.ts';
import { vmPod } from '../../build/pod.ts';
import { policy, policyObject } from '../../build/policy.ts';
import { context as plain, mutated } from './admit.ts';

const under = (...selected: CompiledPolicy[]): AdmissionContext => ({
  ...plain,
  policies: { selected, namespace: { name: 'default', labels: {} }, usage: [] },
});

describe('for any policies', () => {
  const MODELS = ['max', 'qemu64', 'EPYC', 'host'];
  const choice = (...values: string[]) =>
    fc.record({ allowed: fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 }), default: fc.constantFrom(...values) }, { requiredKeys: [] }); // prettier-ignore
  const amount = (unit: (count: number) => string | number) =>
    fc.record({ minimum: fc.integer({ min: 0, max: 64 }).map(unit), maximum: fc.integer({ min: 16, max: 512 }).map(unit), default: fc.integer({ min: 1, max: 256 }).map(unit) }, { requiredKeys: [] }); // prettier-ignore
  const spec = fc.record(
    {
      mode: fc.constantFrom('enforce', 'warn', 'audit'),
      priority: fc.integer({ min: 0, max: 3 }),
      guest: fc.record(
        {
          accelerator: choice('kvm', 'tcg'),
          bootMode: choice('disk', 'kernel'),
          cpuModel: choice(...MODELS),
          vcpus: amount((count) => count),
          memory: amount((count) => `${count}Mi`),
          cpuFeatures: fc.record({ default: fc.constantFrom('+avx2', '-la57,+aes') }),
        },
        { requiredKeys: [] },
      ),
      rules: fc.constantFrom(
        [],
        [{ name: 'r', expression: 'guest.vcpus < 100' }],
        [{ name: 'r', expression: 'pod.spec.x == 1' }],
      ),
    },
    { requiredKeys: [] },
  );
  const selected = fc
    .array(spec, { maxLength: 4 })
    .map((specs) => specs.map((one, index) => compilePolicy(policyObject(`p${index}`, one))).sort(byPriority));
  const pod = fc
    .record({
      limits: fc.record({ cpu: fc.constant('2'), memory: fc.constant('64Mi') }, { requiredKeys: [] }),
      annotations: fc.record(
        { 'podvisor.dev/cpu-model': fc.constantFrom(...MODELS), 'podvisor.dev/accelerator': fc.constantFrom('auto', 'tcg') },
        { requiredKeys: [] },
      ),
    }) // prettier-ignore
    .map(({ limits, annotations }) => vmPod({ annotations, guest: { resources: { limits } } }));

  test('mutating the result again changes nothing, it is valid, and nothing of the user is overwritten', () => {
    let admitted = 0;
    fc.assert(
      fc.property(pod, selected, (user, policies) => {
        const context = under(...policies);
        const once = mutateUnderPolicies(user, context);
        if (!once.ok) return;
        admitted += 1;
        const again = mutateUnderPolicies(once.patched, context);
        expect(again.ok && podPatch(once.patched, again.patched)).toEqual([]);
        expect(validateUnderPolicies(once.patched, context).violations).toEqual([]);
        // And whatever the policies are by then: with none of them the pod verifies alike.
        expect(validateUnderPolicies(once.patched, plain).violations).toEqual([]);
        expect(once.patched.metadata.annotations).toMatchObject(user.metadata.annotations!);
      }),
      { numRuns: 500 },
    );
    expect(admitted).toBeGreaterThan(50);
  });
});

describe('objections of parser and policies in one answer', () => {
  const text = (pod: Pod, ...specs: object[]): string => {
    const made = mutateUnderPolicies(pod, under(...specs.map((spec, index) => policy(`p${index}`, spec))));
    return made.ok ? 'admitted' : violationsText(made.violations);
  };

  test('both are told; what a policy would say of an unreadable field is not', () => {
    const pod = vmPod({ guest: { resources: { limits: { cpu: '8', memory: 'much' } } } });
    const answer = text(pod, { guest: { vcpus: { maximum: 4 }, memory: { minimum: '1Gi' } } });
    expect(answer).toContain('"much": is not a Kubernetes quantity');
    expect(answer).toContain('"8": is 8; allowed: at most 4');
    expect(answer).not.toContain('at least 1Gi');
  });

  test('a pod that carries the note of defaults is refused, as with every annotation of ours', () => {
    expect(text(vmPod({ annotations: { 'podvisor.dev/policy-defaults': 'x=y' } }))).toContain('is written by Podvisor');
  });

  test('facts that are not there yet refuse', () => {
    const problem = { field: 'metadata.namespace', value: 'n', message: 'try again' };
    const facts = { ...under().policies!, problem };
    const made = mutateUnderPolicies(vmPod(), { ...plain, policies: facts });
    expect(made.ok ? [] : made.violations).toMatchObject([problem]);
  });
});

describe('usage of a namespace', () => {
  const vm = (uid: string, namespace = 'a') => ({ uid, namespace, labels: {}, vcpus: 2, memoryBytes: 2 ** 27 });

  test('is what the watch shows, and what was admitted a moment ago', () => {
    const usage = createUsage();
    usage.change('a/one', vm('1'));
    usage.change('b/two', vm('2', 'b'));
    usage.admitted(vm('3'), 0);
    expect(usage.inNamespace('a', '', 1)).toHaveLength(2);
    expect(usage.inNamespace('a', '3', 1)).toHaveLength(1);
    expect(usage.inNamespace('a', '', ADMITTED_MS)).toHaveLength(1);
  });

  test('counts a pod once, when the watch shows it, and no more when it is gone', () => {
    const usage = createUsage();
    usage.admitted(vm('1'), 0);
    usage.admitted(vm('1'), 0);
    expect(usage.inNamespace('a', '', 1)).toHaveLength(1);
    usage.change('a/one', vm('1'));
    expect(usage.inNamespace('a', '', 1)).toHaveLength(1);
    usage.change('a/one', undefined);
    expect(usage.inNamespace('a', '', 1)).toEqual([]);
  });

  test('knows of a pod its size and labels, of an ended one nothing', () => {
    const pod = mutated(vmPod({ namespace: 'a', uid: 'u', labels: { app: 'db' } }));
    expect(countedVm(pod)).toEqual({ uid: 'u', namespace: 'a', labels: { app: 'db', 'podvisor.dev/vm': 'true' }, vcpus: 1, memoryBytes: 2 ** 27 }); // prettier-ignore
    expect(countedVm({ ...pod, status: { phase: 'Succeeded' } })).toBeUndefined();
    expect(countedVm(vmPod())).toBeUndefined();
  });
});

describe('a review of a policy', () => {
  const decide = (object: object, oldObject?: object): string =>
    decidePolicy({ operation: oldObject === undefined ? 'CREATE' : 'UPDATE', object, oldObject }, [policy('old', { guest: { vcpus: { default: 1 } } })]).message ?? 'allowed'; // prettier-ignore
  const wrong = policyObject('p', { colour: 'red' });

  test.each<[string, object, object | undefined, string]>([
    ['a good one', policyObject('p', {}), undefined, 'allowed'],
    ['a wrong one', wrong, undefined, 'Podvisor refuses this policy: spec.colour: is unknown'],
    ['a tie', policyObject('p', { guest: { vcpus: { default: 2 } } }), undefined, "policy 'old' has the same priority"],
    ['a wrong one that is only labelled', { ...wrong, metadata: { name: 'p', labels: { a: 'b' } } }, wrong, 'allowed'],
    ['one that is made right', policyObject('p', {}), wrong, 'allowed'],
    ['one that is made wrong', wrong, policyObject('p', {}), 'spec.colour: is unknown'],
  ])('%s', (_, object, old, expected) => expect(decide(object, old)).toContain(expected));
});

test('audit annotations: one a policy, under a key the API server takes', () => {
  const long = `${'a'.repeat(62)}.b`;
  const found = [{ policy: long, field: 'f', message: 'm' }, { policy: 'p', field: 'f', message: 'm' }, { policy: 'p', field: 'g', message: 'n' }]; // prettier-ignore
  expect(auditAnnotations(found)).toEqual({ auditAnnotations: { ['a'.repeat(62)]: 'f: m', p: '(1) f: m; (2) g: n' } });
  expect(auditAnnotations([])).toEqual({});
});

describe('the admission server', () => {
  const decided: unknown[] = [];
  const app = createAdmissionApp({
    launcherImage: plain.launcherImage,
    accelerators: () => plain.accelerators,
    policies: {
      gather: () => Promise.resolve({ ...under().policies!, selected: [policy('p', { mode: 'audit', guest: { vcpus: { maximum: 0 } } })] }),
      policies: () => [],
      decided: (_, decision) => void decided.push(decision.takes),
    },
    metrics: createAdmissionMetrics(createMetrics('test'), () => 0),
    log: silentLog,
    callers: 'anybody',
    clock: realClock,
  }); // prettier-ignore
  const ask = async (path: string, fields: object): Promise<Record<string, unknown>> => {
    const body = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: { uid: 'u', operation: 'CREATE', ...fields },
    };
    const answer = await request(app).post(path).send(body).expect(200);
    return (answer.body as { response: Record<string, unknown> }).response;
  };

  test('answers with audit annotations, and tells what a pod takes, but not of a dry run', async () => {
    const object = mutated(vmPod());
    const real = await ask(VALIDATE_PATH, { object });
    expect(real).toMatchObject({ allowed: true, auditAnnotations: { p: expect.stringContaining('at most 0') as string } });
    await ask(VALIDATE_PATH, { object, dryRun: true });
    expect(decided).toEqual([expect.objectContaining({ vcpus: 1 })]);
  });

  test('answers reviews of policies', async () => {
    expect(await ask(POLICY_PATH, { object: policyObject('p', {}) })).toMatchObject({ allowed: true });
    expect(await ask(POLICY_PATH, { object: policyObject('p', { mode: 'x' }) })).toMatchObject({
      allowed: false,
      status: { code: 403 },
    });
    await request(app).post(POLICY_PATH).send({ kind: 'x' }).expect(400);
  });
});
