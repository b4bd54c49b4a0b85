import { VM_LABEL, VM_LABEL_VALUE } from '../../../../api/names.ts';
import { KubeError } from '../../../../kube/errors.ts';
import { silentLog } from '../../../../runtime/log.ts';
import { createUnderWay, type UnderWay } from '../../../../scheduler-plugin/storage/under-way.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';
import { createFakeKube } from '../../../build/fake-kube.ts';
import { wanted } from '../../../build/placement.ts';

const started: UnderWay[] = [];
afterEach(() => Promise.all(started.splice(0).map((one) => one.stop())));

/** Promises go by the pods' names; a pod named `diskless` needs no room. */
function rig() {
  const kube = createFakeKube();
  const clock = createFakeClock();
  const before = Promise.withResolvers<undefined>();
  const promised: string[] = [];
  const underWay = createUnderWay({
    client: kube.client,
    clock,
    random: () => 0,
    log: silentLog,
    after: [{ whenSynced: () => Promise.resolve() }, { whenSynced: () => before.promise }],
    wanted: ({ metadata: { name = '' } = {} }) => (name === 'diskless' ? undefined : wanted({ uid: name })),
    promise: ({ uid }) => void promised.push(uid),
  });
  const put = (name: string, spec: object = {}, { phase = 'Pending', label = VM_LABEL_VALUE } = {}): void => {
    const metadata = { namespace: 'ns', name, labels: { [VM_LABEL]: label } };
    kube.put({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { nodeName: '', ...spec }, status: { phase } });
  };
  const begin = async (): Promise<void> => {
    started.push(underWay);
    underWay.start();
    before.resolve(undefined);
    await clock.settle();
  };
  return { kube, clock, underWay, promised, put, begin };
}

it('promises room to each VM that has no node and that the scheduler may have chosen one for', async () => {
  const { put, begin, promised, underWay, kube } = rig();
  put('one');
  put('two');
  put('diskless');
  put('bound', { nodeName: 'a' });
  put('gated', { schedulingGates: [{ name: 'example.com/later' }] });
  put('ended', {}, { phase: 'Failed' });
  put('plain', {}, { label: 'no' });
  await begin();
  expect([promised, underWay.synced()]).toEqual([['one', 'two'], true]);
  expect(kube.openWatches()).toBe(0);
});

it('has read nothing, and asks nothing, before all it needs is known', async () => {
  const { clock, underWay, kube } = rig();
  started.push(underWay);
  underWay.start();
  await clock.settle();
  expect([underWay.synced(), kube.requests]).toEqual([false, []]);
});

it('asks nothing once it was stopped', async () => {
  const { begin, underWay, kube } = rig();
  await underWay.stop();
  await begin();
  expect([underWay.synced(), kube.requests]).toEqual([false, []]);
});

it('asks again after an error of the API server, and is not ready meanwhile', async () => {
  const { put, begin, promised, underWay, kube, clock } = rig();
  put('one');
  kube.onRequest = () => new KubeError(500, 'InternalError', 'etcd is away');
  await begin();
  const during = underWay.synced();
  kube.onRequest = undefined;
  await clock.advance(60_000);
  expect([during, promised, underWay.synced()]).toEqual([false, ['one'], true]);
});
