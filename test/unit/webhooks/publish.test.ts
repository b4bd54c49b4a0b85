import { MUTATE_PATH, VALIDATE_PATH } from '../../../webhooks/names.ts';
import { clusterOffer, nodeOffer } from '../../../webhooks/accelerators.ts';
import { mutatingConfiguration, validatingConfiguration } from '../../../webhooks/publish/configurations.ts';
import type { WebhookConfiguration } from '../../../webhooks/publish/configurations.ts';
import { nextPublishAction } from '../../../webhooks/publish/next-publish-action.ts';

const input = { target: { service: { namespace: 'podvisor-system', name: 'podvisor-webhook', port: 443 } }, trust: 'PEM' };
const desired = mutatingConfiguration(input);
const [webhook] = desired.webhooks!;
const actual = (fields: object, metadata: object = {}): WebhookConfiguration => ({
  ...desired,
  metadata: { name: 'podvisor', resourceVersion: '7', ...metadata },
  webhooks: [{ ...webhook, ...fields }],
});

test('the configurations', () => {
  expect([desired, validatingConfiguration(input)]).toMatchSnapshot();
});

test.each([MUTATE_PATH, VALIDATE_PATH])('the API server accepts the path %s', (path) => {
  for (const segment of path.slice(1).split('/')) {
    expect(segment).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
    expect(segment.length).toBeLessThanOrEqual(253);
  }
});

test.each<[string, WebhookConfiguration | undefined, string]>([
  ['missing', undefined, 'create'],
  ['as it should be', actual({}), 'none'],
  ['labelled by others', actual({}, { labels: { team: 'a' } }), 'none'],
  ['with a field of a newer API server', actual({ newField: 'x' }), 'none'],
  ['another policy', actual({ failurePolicy: 'Ignore' }), 'replace failurePolicy'],
  [
    'old authority',
    actual({ clientConfig: { ...(webhook!['clientConfig'] as object), caBundle: '' } }),
    'replace clientConfig.caBundle',
  ],
  ['another address', actual({ clientConfig: { url: 'https://elsewhere/' } }), 'replace clientConfig'],
  ['narrowed', actual({ matchConditions: [] }), 'replace matchConditions'],
  ['emptied', { ...actual({}), webhooks: [] }, 'replace number of webhooks'],
])('%s', (_, present, expected) => {
  const action = nextPublishAction(present, desired);
  expect(action.kind === 'replace' ? `replace ${action.fields.join(', ')}` : action.kind).toBe(expected);
  if (action.kind === 'replace') expect(action.body.metadata.resourceVersion).toBe('7');
});

test('an accelerator is offered when any node has one free or in use', () => {
  const node = (allocatable: object): Record<string, unknown> => ({ metadata: { name: 'n' }, status: { allocatable } });
  expect(nodeOffer(node({ cpu: '2', 'podvisor.dev/tcg': '10', 'podvisor.dev/kvm': '0' }))).toEqual({ kvm: false, tcg: true });
  expect(nodeOffer({ metadata: { name: 'n' } })).toEqual({ kvm: false, tcg: false });
  expect(
    clusterOffer([
      { kvm: false, tcg: true },
      { kvm: true, tcg: false },
    ]),
  ).toEqual({ kvm: true, tcg: true });
});
