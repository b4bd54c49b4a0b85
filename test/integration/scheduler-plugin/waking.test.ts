import { ROOM_FOUND } from '../../../api/names.ts';
import { eventually } from '../../build/eventually.ts';
import { addNode, createPod, pagesReport, pagesTemplate, PODS, setReport, type StoredPod } from './objects.ts';
import { metricOf, startRig, type SchedulerRig } from './rig.ts';

let rig: SchedulerRig;
beforeAll(async () => {
  rig = await startRig();
  for (const name of ['wake-a', 'wake-b']) await addNode(rig.client, name, { 'hugepages-2Mi': '400Mi' }, pagesReport(60, 60));
}, 120_000);
afterAll(() => rig.stop(), 30_000);

const createVm = (name: string, pages: number) => createPod(rig.client, name, pagesTemplate('wake', pages));
const getPod = (name: string): Promise<StoredPod> => rig.client.get(`${PODS}/${name}`);
const told = (name: string): Promise<StoredPod> =>
  eventually(`${name} is told why it waits`, async () => {
    const pod = await getPod(name);
    return pod.status?.conditions?.some(({ message }) => message?.includes('guest needs')) === true ? pod : undefined;
  });
const wakes = (): Promise<number | undefined> => metricOf(rig, 'podvisor_placement_wakes_total');
const roomFound = async (): Promise<string | undefined> =>
  (await getPod('waits')).status?.conditions?.find(({ type }) => type === ROOM_FOUND)?.message;

test('a VM waits for pages, only a NodeReport changes, and it is placed there; until then it costs no write', async () => {
  await createVm('waits', 80);
  await told('waits');
  // Reports that come and change nothing for it.
  for (const pages of [59, 61, 60]) await setReport(rig.client, 'wake-a', pagesReport(pages, pages));
  await createVm('small', 10);
  await eventually('another VM is placed meanwhile', async () => (await getPod('small')).spec.nodeName);
  expect([await roomFound(), await wakes()]).toEqual([undefined, 0]);
  await setReport(rig.client, 'wake-b', pagesReport(90, 90));
  expect(await eventually('it is placed', async () => (await getPod('waits')).spec.nodeName)).toBe('wake-b');
  expect([await roomFound(), await wakes()]).toEqual([
    'Node wake-b refused the VM and would take it now; the scheduler looks again.',
    1,
  ]);
}, 90_000);
