import { createEventRecorder } from '../../../kube/events.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createMetrics } from '../../../runtime/metrics.ts';
import { POLICIES } from '../../../webhooks/publish/gen/policies.ts';
import type { Keeper } from '../../../webhooks/publish/keeper.ts';
import { nextRestoreAction } from '../../../webhooks/publish/next-restore-action.ts';
import type { KeptObject } from '../../../webhooks/publish/next-restore-action.ts';
import { createRestorations } from '../../../webhooks/publish/restorations.ts';
import { createRestorer } from '../../../webhooks/publish/restorer.ts';
import { createFakeClock } from '../../build/fake-clock.ts';
import { createFakeKube } from '../../build/fake-kube.ts';

const desired = POLICIES.find(({ kind }) => kind === 'ValidatingAdmissionPolicy')!;
const constraints = desired.spec['matchConstraints'] as object;
const stored = (spec: object, metadata: object = {}): KeptObject => ({
  ...desired,
  metadata: { ...desired.metadata, resourceVersion: '7', ...metadata },
  spec: { ...desired.spec, ...spec },
});

test.each<[string, KeptObject | undefined, string]>([
  ['missing', undefined, 'create'],
  ['as installed', stored({}), 'none'],
  [
    'as the API server completes it',
    stored({ matchConstraints: { ...constraints, namespaceSelector: {}, objectSelector: {} } }),
    'none',
  ],
  ['labelled by others', stored({}, { labels: { team: 'a' } }), 'none'],
  ['a rule taken away', stored({ validations: [] }), 'replace validations'],
  [
    'narrowed by a selector',
    stored({ matchConstraints: { ...constraints, namespaceSelector: { matchLabels: { a: 'b' } } } }),
    'replace matchConstraints',
  ],
  ['made to ignore failures', stored({ failurePolicy: 'Ignore' }), 'replace failurePolicy'],
  ['given a field it did not have', stored({ paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } }), 'replace paramKind'],
  ['a field removed', stored({ matchConditions: undefined }), 'replace matchConditions'],
])('%s', (_, actual, expected) => {
  const action = nextRestoreAction(actual, desired);
  expect(action.kind === 'replace' ? `replace ${action.fields.join(', ')}` : action.kind).toBe(expected);
  if (action.kind === 'replace') expect(action.body.metadata).toEqual(actual?.metadata);
});

describe('the restorer', () => {
  const path = pathOf(KINDS.admissionPolicies, { name: desired.metadata.name });
  const kube = createFakeKube();
  const clock = createFakeClock();
  const metrics = createMetrics('test');
  let restorer: Keeper;
  const warnings: string[] = [];
  const plural = ({ kind }: KeptObject): string =>
    kind.endsWith('Binding') ? 'validatingadmissionpolicybindings' : 'validatingadmissionpolicies';

  beforeAll(() => {
    for (const object of POLICIES) kube.put({ ...object }, plural(object));
    const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) };
    const common = { client: kube.client, clock, random: () => 0, log };
    const events = createEventRecorder({ ...common, component: 'podvisor-webhook', host: 'one' });
    restorer = createRestorer({ ...common, objects: POLICIES, restorations: createRestorations(metrics, events) });
    restorer.start();
  });
  afterAll(() => restorer.stop());

  const settle = async (): Promise<void> => {
    for (let step = 0; step < 20; step++) await clock.advance(10);
  };
  const writes = (): string[] =>
    kube.requests.filter(({ method }) => !['GET', 'WATCH'].includes(method)).map(({ method, path: at }) => `${method} ${at}`);

  test('asks for nothing but the objects by name, which is all its permissions allow', async () => {
    await settle();
    const asked = kube.requests.map(({ query }) => query['fieldSelector']);
    expect(new Set(asked)).toEqual(new Set(POLICIES.map(({ metadata }) => `metadata.name=${metadata.name}`)));
    expect(writes()).toEqual([]);
  });

  test('writes back what was deleted or changed, counts it, and says so in an Event', async () => {
    kube.remove(path);
    await settle();
    kube.put(stored({ failurePolicy: 'Ignore' }, { resourceVersion: undefined }) as never, 'validatingadmissionpolicies');
    await settle();
    expect(writes()).toEqual([
      `POST ${pathOf(KINDS.admissionPolicies)}`,
      `POST ${pathOf(KINDS.events, { namespace: 'default' })}`,
      `PUT ${path}`,
      `POST ${pathOf(KINDS.events, { namespace: 'default' })}`,
    ]);
    expect(kube.peek(path)?.['spec']).toEqual(desired.spec);
    const events = kube.requests.filter(({ path: at }) => at.includes('events')).map(({ body }) => body);
    const regarding = { kind: 'ValidatingAdmissionPolicy', name: desired.metadata.name };
    expect(events).toMatchObject([
      { reason: 'Restored', type: 'Warning', regarding, note: expect.stringContaining('was deleted') as string },
      { reason: 'Restored', regarding, note: expect.stringContaining('was changed (failurePolicy)') as string },
    ]);
    expect(await metrics.registry.metrics()).toContain(
      `podvisor_restored_total{kind="ValidatingAdmissionPolicy",name="${desired.metadata.name}"} 2`,
    );
  });

  test('a quarrel with another tool slows down', async () => {
    const before = writes().length;
    for (let round = 0; round < 40; round++) {
      if (kube.peek(path) !== undefined) kube.remove(path);
      await clock.advance(1);
      await settle();
    }
    expect(
      writes()
        .slice(before)
        .filter((write) => write.endsWith('policies')).length,
    ).toBeLessThan(25);
    expect(warnings).toContain('somebody keeps changing the admission policies; restoring them less often');
  });
});
