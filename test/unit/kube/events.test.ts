import { createEventRecorder, type EventRecorder, type EventText, type ObjectRef } from '../../../kube/events.ts';
import { KubeError } from '../../../kube/errors.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createFakeClock, type FakeClock } from '../../build/fake-clock.ts';
import { createFakeKube, type FakeKube } from '../../build/fake-kube.ts';

const ABOUT: ObjectRef = { apiVersion: 'v1', kind: 'Pod', namespace: 'ns', name: 'vm', uid: 'u1' };
const text = (message: string, reason = 'GuestStarted'): EventText => ({ type: 'Normal', reason, message });

interface Written {
  readonly metadata: { readonly namespace: string };
  readonly note: string;
}

const rig = (): {
  kube: FakeKube;
  clock: FakeClock;
  recorder: EventRecorder;
  written: () => Written[];
  notes: () => string[];
} => {
  const kube = createFakeKube();
  const clock = createFakeClock();
  const recorder = createEventRecorder({
    client: kube.client,
    component: 'podvisor-agent',
    host: 'node1',
    clock,
    log: silentLog,
  });
  const written = (): Written[] => kube.requests.map(({ body }) => body as Written);
  return { kube, clock, recorder, written, notes: () => written().map(({ note }) => note) };
};

it('writes one event with all that events.k8s.io/v1 demands', async () => {
  const { kube, recorder } = rig();
  recorder.record(ABOUT, text('the guest runs'));
  await recorder.flush();
  expect(kube.requests).toHaveLength(1);
  expect(kube.requests[0]).toMatchObject({ method: 'POST', path: '/apis/events.k8s.io/v1/namespaces/ns/events' });
  expect(kube.requests[0]?.body).toEqual({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { generateName: 'vm-', namespace: 'ns' },
    eventTime: '2026-01-01T00:00:00.000000Z',
    type: 'Normal',
    reason: 'GuestStarted',
    note: 'the guest runs',
    action: 'GuestStarted',
    regarding: ABOUT,
    reportingController: 'podvisor.dev/agent',
    reportingInstance: 'podvisor-agent-node1',
  });
});

it('puts events about cluster objects into default', async () => {
  const { recorder, written } = rig();
  recorder.record({ apiVersion: 'v1', kind: 'Node', name: 'node1' }, text('kvm works'));
  await recorder.flush();
  expect(written()[0]?.metadata.namespace).toBe('default');
});

it('counts the same event within a minute and tells the count with the next one', async () => {
  const { clock, recorder, notes } = rig();
  for (let i = 0; i < 100; i++) recorder.record(ABOUT, text('again'));
  await recorder.flush();
  expect(notes()).toEqual(['again']);
  await clock.advance(60_000);
  recorder.record(ABOUT, text('again'));
  await recorder.flush();
  expect(notes()).toEqual(['again', 'again (and 99 more like this before)']);
});

it('writes at most 10 a minute about one object, however they differ; other objects are not touched by it', async () => {
  const { clock, recorder, notes } = rig();
  for (let i = 0; i < 50; i++) recorder.record(ABOUT, text(`m${i}`));
  recorder.record({ ...ABOUT, name: 'other' }, text('mine'));
  await recorder.flush();
  expect(notes()).toEqual([...Array.from({ length: 10 }, (_, i) => `m${i}`), 'mine']);
  await clock.advance(60_000);
  recorder.record(ABOUT, text('later'));
  await recorder.flush();
  expect(notes().at(-1)).toBe('later');
});

it.each([
  ['ascii', 'x'.repeat(5000)],
  ['two-byte characters', 'ü'.repeat(5000)],
  ['four-byte characters', '🙂'.repeat(5000)],
])('cuts %s at 1024 bytes and a character boundary', async (_, message) => {
  const { recorder, notes } = rig();
  recorder.record(ABOUT, text(message));
  await recorder.flush();
  const note = notes()[0] ?? '';
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
  expect(Buffer.byteLength(note)).toBeGreaterThan(1015);
  expect(note.endsWith('…')).toBe(true);
  expect(note).not.toContain('\uFFFD');
});

it('keeps at most 256 events while the server is away, and drops what it refuses', async () => {
  const { kube, recorder } = rig();
  kube.onRequest = () => new KubeError(0, 'Unreachable', 'no route');
  for (let i = 0; i < 1000; i++) recorder.record({ ...ABOUT, name: `vm${i}` }, text('hello'));
  await recorder.flush();
  expect(kube.requests.length).toBeLessThanOrEqual(257);
  kube.onRequest = undefined;
  recorder.record(ABOUT, text('well again'));
  await recorder.flush();
  expect(kube.requests.at(-1)?.body).toMatchObject({ note: 'well again' });
});
