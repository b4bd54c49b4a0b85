import { BETTER_NODE } from '../../../api/names.ts';
import { eventually } from '../../build/eventually.ts';
import { addNode, createPod, pagesReport, pagesTemplate, PODS, setReport, type StoredPod } from './objects.ts';
import { metricOf, startRig, type SchedulerRig } from './rig.ts';

let rig: SchedulerRig;
let uid = '';
beforeAll(async () => {
  rig = await startRig();
  await rig.stopExtender();
  await rig.startExtender('--hint-interval-seconds=1');
  for (const name of ['hint-a', 'hint-b']) await addNode(rig.client, name, { 'hugepages-2Mi': '400Mi' }, pagesReport(0));
  const { metadata, spec } = pagesTemplate('hint', 80);
  uid = (await createPod(rig.client, 'vm', { metadata, spec: { ...spec, nodeName: 'hint-a' } })).metadata.uid ?? '';
}, 120_000);
afterAll(() => rig.stop(), 30_000);

const told = async () =>
  (await rig.client.get<StoredPod>(`${PODS}/vm`)).status?.conditions?.find(({ type }) => type === BETTER_NODE);
const misplaced = (): Promise<number | undefined> => metricOf(rig, 'podvisor_placement_misplaced_vms');

test('a VM whose pages lie over both zones is told of a node where one zone has room, counted, and told when that is over', async () => {
  const zones = [0, 1].map((id) => ({ id, cpus: 0, memoryBytes: 40 * 2 ** 21, hugepages: { '2Mi': 40 } }));
  await setReport(rig.client, 'hint-a', { ...pagesReport(0, 0), vms: [{ podUid: uid, zones }] });
  await setReport(rig.client, 'hint-b', pagesReport(100));
  const hint = await eventually('it is told', told);
  expect(hint).toMatchObject({
    status: 'True',
    reason: 'PagesApart',
    message: 'Node hint-b would be better: here, its memory is in more zones than its one NUMA node.',
  });
  await eventually('it is counted', async () => (await misplaced()) === 1);
  await setReport(rig.client, 'hint-b', pagesReport(10));
  await eventually('it is over', async () => (await told())?.status === 'False');
  await eventually('it is not counted any more', async () => (await misplaced()) === 0);
}, 90_000);
