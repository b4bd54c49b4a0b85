import { eventually } from '../../build/eventually.ts';
import { createClaim, withDisks } from './disks.ts';
import { startFakeProvisioner, type FakeProvisioner } from './fake-provisioner.ts';
import { addNode, createPods, podsOf, vmTemplate, waitingReason } from './objects.ts';
import { startRig, type SchedulerRig } from './rig.ts';

/**
 * What an extender does not know that was killed between its answer and the scheduler's write of the node to the claims: real ones queue at the
 * scheduler's 50 requests a second, these are held back. The provisioner is a fake (fake-provisioner.ts).
 */

const GIB = 2 ** 30;
/** Longer than the extender takes to be back, and each VM to be asked about again. */
const WRITE_MS = 6_000;
const BACK_OFF = { podInitialBackoffSeconds: 1, podMaxBackoffSeconds: 1 };

let rig: SchedulerRig;
let fake: FakeProvisioner;
beforeAll(async () => {
  rig = await startRig({ claimWriteMs: WRITE_MS, scheduler: BACK_OFF, controllers: ['persistentvolume-binder-controller'] });
  const { client } = rig;
  await addNode(client, 'pool-a', {});
  fake = await startFakeProvisioner({ client, storageClass: 'fast', pools: { 'pool-a': 10 * GIB }, makeMs: 200, tellMs: 1_500 });
}, 120_000);
afterAll(async () => {
  await fake.stop();
  await rig.stop();
}, 60_000);

test('an extender that was killed and came back promises no room that the one before had promised', async () => {
  const { client } = rig;
  const create = async (name: string): Promise<void> => {
    await createClaim(client, name, 'fast');
    await createPods(client, name, 1, withDisks(vmTemplate('pool'), [name]));
  };
  const refusedNow = async (): Promise<number> =>
    (await podsOf(client, 'pool')).filter((pod) => waitingReason(pod) !== '').length;
  await Promise.all(['one', 'two', 'three', 'four', 'five'].map(create));
  await eventually('three were promised room, and two were told to wait', async () => (await refusedNow()) === 2);
  await rig.stopExtender();
  await rig.startExtender();
  await eventually('all that fits is placed, or more', async () => {
    const bound = (await podsOf(client, 'pool')).filter(({ spec }) => spec.nodeName !== undefined);
    return bound.length >= 3 || fake.refused.length > 0;
  });
  await new Promise((resolve) => setTimeout(resolve, WRITE_MS));
  expect({ refused: fake.refused, left: fake.left('pool-a') }).toEqual({ refused: [], left: GIB });
}, 120_000);
