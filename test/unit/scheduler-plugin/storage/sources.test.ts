import { KubeError } from '../../../../kube/errors.ts';
import { silentLog } from '../../../../runtime/log.ts';
import { createStorageSources } from '../../../../scheduler-plugin/storage/sources.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';
import { createFakeKube } from '../../../build/fake-kube.ts';
import { GIB } from '../../../build/storage.ts';

const STRICT = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'strict' },
  provisioner: 'driver.longhorn.io',
  volumeBindingMode: 'WaitForFirstConsumer',
  parameters: { dataLocality: 'strict-local' },
};
const conditions = ['Ready', 'Schedulable'].map((type) => ({ type, status: 'True' }));
const longhornNode = (gib: number) => ({
  apiVersion: 'longhorn.io/v1beta2',
  kind: 'Node',
  metadata: { namespace: 'longhorn-system', name: 'a' },
  spec: { allowScheduling: true, disks: { d: { diskType: 'filesystem', allowScheduling: true, storageReserved: 0 } } },
  status: {
    conditions,
    diskStatus: { d: { storageMaximum: gib * GIB, storageAvailable: gib * GIB, storageScheduled: 0, conditions } },
  },
});

const CLAIMS = '/api/v1/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';

function rig() {
  const kube = createFakeKube();
  const clock = createFakeClock();
  const changed: string[] = [];
  const parts = {
    client: kube.client,
    clock,
    random: () => 0,
    log: silentLog,
    onNodeChange: (node: string) => void changed.push(node),
  };
  const { books, required, optional } = createStorageSources(parts, () => []);
  const all = [...required, ...optional];
  const start = async (): Promise<void> => {
    for (const one of all) one.start();
    await clock.settle();
  };
  const lists = (): readonly string[] =>
    kube.requests.flatMap(({ method, path }) => (method === 'GET' && [CLAIMS, VOLUMES].includes(path) ? [path] : []));
  return { kube, clock, changed, books, start, lists, stop: () => Promise.all(all.map((one) => one.stop())) };
}

it('volumes are listed when the claims have been, so that none that is bound in their list is unknown', async () => {
  const { kube, clock, start, lists, stop } = rig();
  kube.onRequest = ({ path }) => (path === CLAIMS ? new KubeError(500, 'InternalError', 'etcd is away') : undefined);
  await start();
  const before = lists();
  kube.onRequest = undefined;
  await clock.advance(60_000);
  expect([before, lists().slice(-2)]).toEqual([[CLAIMS], [CLAIMS, VOLUMES]]);
  await stop();
});

it("a node whose driver's objects tell of other room is one that VMs may wait for", async () => {
  const { kube, clock, changed, books, start, stop } = rig();
  kube.put(STRICT, 'storageclasses');
  await start();
  books.setNode('a', { labels: [], topolvm: [] });
  kube.put(longhornNode(1));
  await clock.settle();
  changed.length = 0;
  kube.put(longhornNode(5));
  await clock.settle();
  const group = books.storageClass('strict')?.group ?? '';
  expect([changed, books.pools.room(group, 'a', 'vm')?.told]).toEqual([['a'], 5 * GIB]);
  await stop();
});
