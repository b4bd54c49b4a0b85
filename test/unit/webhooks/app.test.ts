import request from 'supertest';
import { silentLog } from '../../../runtime/log.ts';
import { realClock } from '../../../runtime/clock.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { MUTATE_PATH, PROBE_PATH, VALIDATE_PATH } from '../../../webhooks/names.ts';
import { createAdmissionApp } from '../../../webhooks/server/app.ts';
import { createAdmissionMetrics } from '../../../webhooks/server/metrics.ts';
import { vmPod } from '../../build/pod.ts';
import { mutated } from './admit.ts';

interface Answer {
  response: {
    uid: string;
    allowed: boolean;
    patchType?: string;
    patch?: string;
    warnings?: string[];
    status?: { code: number; message: string };
  };
}

const metrics = createMetrics('test');
const refusals: object[] = [];
const app = createAdmissionApp({
  launcherImage: 'localhost/podvisor/launcher:dev',
  accelerators: () => ({ kvm: false, tcg: true }),
  callers: 'anybody',
  clock: realClock,
  metrics: createAdmissionMetrics(metrics, () => 0),
  log: { ...silentLog, info: (fields) => void refusals.push(fields) },
});

const review = (fields: object = {}): object => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: 'u1', operation: 'CREATE', namespace: 'team', object: vmPod(), ...fields },
});

async function ask(path: string, body: object): Promise<Answer['response']> {
  const answer = await request(app).post(path).send(body).expect(200);
  return (answer.body as Answer).response;
}

test('a VM pod is answered with a patch and a warning', async () => {
  const response = await ask(MUTATE_PATH, review());
  expect(response).toMatchObject({ uid: 'u1', allowed: true, patchType: 'JSONPatch' });
  const patch = JSON.parse(Buffer.from(response.patch!, 'base64').toString()) as { op: string; path: string }[];
  expect(patch).toContainEqual({ op: 'replace', path: '/spec/containers/0/image', value: 'localhost/podvisor/launcher:dev' });
  expect(response.warnings!.join()).toContain('emulated');
});

test('a refusal names the field, says Forbidden, and is one line in the log', async () => {
  refusals.length = 0;
  const response = await ask(MUTATE_PATH, review({ object: vmPod({ spec: { hostPID: true } }) }));
  expect(response.allowed).toBe(false);
  expect(response.status!.code).toBe(403);
  expect(response.status!.message).toContain('Podvisor cannot run this pod as a VM: spec.hostPID');
  expect(refusals).toEqual([{ webhook: 'mutate', pod: 'team/*', reason: response.status!.message }]);
});

test('the validating webhook refuses a pod that was not mutated', async () => {
  expect((await ask(VALIDATE_PATH, review())).status!.message).toContain('podvisor.dev/guest');
});

const deep = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;

test.each<[string, string, string, number]>([
  ['no JSON', 'hello', 'application/json', 400],
  ['half a JSON', '{"kind":', 'application/json', 400],
  ['an empty body', '', 'application/json', 400],
  ['another content type', '{}', 'text/plain', 415],
  ['another kind', '{"kind":"Pod"}', 'application/json', 400],
  ['an old version', '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}', 'application/json', 400],
  ['no request', '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}', 'application/json', 400],
  ['no uid', JSON.stringify(review({ uid: '' })), 'application/json', 400],
  ['DELETE', JSON.stringify(review({ operation: 'DELETE' })), 'application/json', 400],
  ['no object', JSON.stringify(review({ object: null })), 'application/json', 400],
  ['an object without containers', JSON.stringify(review({ object: { metadata: {}, spec: {} } })), 'application/json', 400],
  ['an update without the old object', JSON.stringify(review({ operation: 'UPDATE' })), 'application/json', 400],
  ['deep nesting', deep(100_000), 'application/json', 400],
  ['more than 7 MiB', `{"a":"${'x'.repeat(8 * 1024 * 1024)}"}`, 'application/json', 413],
])('W25: bad input is answered, and the server goes on: %s', async (_, body, type, status) => {
  const answer = await request(app).post(MUTATE_PATH).set('content-type', type).send(body);
  expect(answer.status).toBe(status);
  expect(answer.text.length).toBeLessThan(500);
  await request(app).get(PROBE_PATH).expect(200);
});

test('paths nobody knows are not found', async () => {
  await request(app).post('/mutate').send(review()).expect(404);
});

test('every request is counted by webhook and outcome', async () => {
  const text = await metrics.registry.metrics();
  for (const outcome of ['allowed', 'refused', 'error']) {
    expect(text).toMatch(
      new RegExp(`podvisor_admission_duration_seconds_count\\{webhook="mutate",outcome="${outcome}"\\} [1-9]`),
    );
  }
  expect(text).toContain('podvisor_admission_in_flight{webhook="mutate"} 0');
});

test('the overhead of a VM pod is counted when it is admitted, and not for a dry run', async () => {
  const counted = async () => /^podvisor_admission_overhead_bytes_count (\d+)$/m.exec(await metrics.registry.metrics())?.[1];
  const object = mutated(vmPod(), { namespace: 'team' });
  const before = Number(await counted());
  await ask(VALIDATE_PATH, review({ object, dryRun: true }));
  await ask(VALIDATE_PATH, review());
  expect(Number(await counted())).toBe(before);
  await ask(VALIDATE_PATH, review({ object }));
  expect(Number(await counted())).toBe(before + 1);
});
