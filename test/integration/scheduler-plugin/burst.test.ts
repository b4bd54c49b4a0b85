import type { GuestSpec } from '../../../api/guest-spec.ts';
import type { NodeReportStatus } from '../../../api/node-report.ts';
import { eventually } from '../../build/eventually.ts';
import { report, reportedZone } from '../../build/placement.ts';
import { createClaim, withDisks } from './disks.ts';
import { startFakeProvisioner, type FakeProvisioner } from './fake-provisioner.ts';
import { addNode, createPods, podsOf, promised, removeRound, type StoredPod, vmTemplate, waitingReason } from './objects.ts';

import { startRig } from './rig.ts';
import type { SchedulerRig } from './rig.ts';

/**
 * Bursts against upstream's scheduler and, for disks, Kubernetes' own binder of claims. Nodes and their reports are ours to write: no kubelet, no agent.
 * What they say never changes in a burst, so what was promised is all in the claims. Pools alone change: their provisioner is a fake
 * (fake-provisioner.ts). All the while the extender's watches are up to two seconds late; in each round it is killed in the middle, and in every other
 * the scheduler is too.
 */

const ROUNDS = Number(process.env['PODVISOR_BURST_ROUNDS'] ?? 10);
const GIB = 2 ** 30;
const LAG_MS = 2_000;
/** A pool that told of a volume while the extender was away looks too small by it for 70 s. */
const SETTLE_MS = 100_000;
/** So that each VM comes to its end in seconds: how often the scheduler asks has nothing to do with what it may be told. */
const BACK_OFF = { podInitialBackoffSeconds: 1, podMaxBackoffSeconds: 2 };

/** Zones of 7.5 VMs each: the scheduler sees pages for 22 VMs a node. */
const PAGES = { vms: 50, fit: 42, vmPages: 64, zones: [480, 480, 480], perZone: 7 };
/** Two functions a VM, each of another port: as many VMs as the smaller port has; the scheduler sees 54 a node. */
const VFS = { vms: 200, fit: 176, ports: { '0000:3b:00.0': 64, '0000:3b:00.1': 44 }, perNode: 44 };
/** New disks of 3 GiB. A pool tells of a volume long after it was made, as drivers do: of most when the extender is back. */
const POOL = { vms: 5, fit: 3, bytes: 10 * GIB, left: GIB, makeMs: 200, tellMs: 5_000 };
const BOND: GuestSpec['networks'] = [
  { name: 'pod', interface: 'eth0', binding: 'masquerade' },
  { name: 'default/left', interface: 'net1', binding: 'sriov', resource: 'example.com/vf' },
  { name: 'default/right', interface: 'net2', binding: 'sriov', resource: 'example.com/vf' },
];

let rig: SchedulerRig;
/** By round. */
const fakes: FakeProvisioner[] = [];
beforeAll(async () => {
  rig = await startRig({ lagMs: LAG_MS, scheduler: BACK_OFF, controllers: ['persistentvolume-binder-controller'] });
  await addRound(0);
  await pause(2 * LAG_MS);
}, 120_000);
afterAll(async () => {
  for (const fake of fakes) await fake.stop();
  await rig.stop();
}, 30_000);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const pagesOf = (index: number): string => `pages${index}`;
const vfsOf = (index: number): string => `vfs${index}`;
const poolOf = (index: number): string => `pool${index}`;

async function addRound(index: number): Promise<void> {
  const zones = PAGES.zones.map((pages, id) => reportedZone(id, pages));
  const sum = PAGES.zones.reduce((all, one) => all + one, 0);
  for (const name of ['a', 'b'].map((letter) => `${pagesOf(index)}-${letter}`)) {
    await addNode(rig.client, name, { 'hugepages-2Mi': `${2 * sum}Mi` }, report({ zones }));
  }
  const functions = Object.entries(VFS.ports).map(([address, free]): NodeReportStatus['functions'][number] => {
    return { address, zone: 0, resource: 'example.com/vf', linkUp: true, vfs: { total: 64, free } };
  });
  for (const name of ['a', 'b', 'c', 'd'].map((letter) => `${vfsOf(index)}-${letter}`)) {
    await addNode(rig.client, name, { 'example.com/vf': '108' }, report({ functions }));
  }
  await addPool(index);
}

async function addPool(index: number): Promise<void> {
  const { client } = rig;
  const node = `${poolOf(index)}-a`;
  await addNode(client, node, {});
  const pools = { [node]: POOL.bytes };
  for (const name of diskedOf(index)) await createClaim(client, name, poolOf(index));
  fakes[index] = await startFakeProvisioner({
    client,
    storageClass: poolOf(index),
    pools,
    makeMs: POOL.makeMs,
    tellMs: POOL.tellMs,
  });
}

/** Of VMs with a new disk each. */
const diskedOf = (index: number): readonly string[] => Array.from({ length: POOL.vms }, (_, vm) => `${poolOf(index)}-${vm}`);

/** Before and among the first of all others: when the extender is killed some have their room, some only its word for it, and some neither. */
async function createDisked(index: number): Promise<void> {
  const create = async (name: string): Promise<void> => {
    await pause(Math.random() * 500);
    await createPods(rig.client, name, 1, withDisks(vmTemplate(poolOf(index)), [name]));
  };
  await Promise.all(diskedOf(index).map(create));
}

/** The round's pool: nothing was promised twice, and all that fits was made. */
function poolNow(index: number): object {
  const fake = fakes[index];
  return { refused: fake?.refused, left: fake?.left(`${poolOf(index)}-a`) };
}

async function faults(index: number): Promise<void> {
  await eventually('the burst is on its way', async () => (await podsOf(rig.client, vfsOf(index))).some(({ spec }) => spec.nodeName));
  await pause(Math.random() * 500);
  if (index % 2 === 1) await rig.restartScheduler();
  await rig.stopExtender();
  await rig.startExtender();
} // prettier-ignore

/** Waits until so many of the round's pods have a node and all others were told why not. */
async function settled(round: string, bound: number): Promise<readonly StoredPod[]> {
  return eventually(
    `${bound} of ${round} are bound, and the others know why not`,
    async () => {
      const pods = await podsOf(rig.client, round);
      const waiting = pods.filter(({ spec }) => spec.nodeName === undefined);
      const untold = waiting.flatMap((pod) =>
        /guest needs|guest's new disk needs/.test(waitingReason(pod)) ? [] : [`${pod.metadata.name}: ${waitingReason(pod)}`],
      );
      if (pods.length - waiting.length === bound && untold.length === 0) return pods;
      throw new Error(`${pods.length - waiting.length} are bound; ${untold.join('\n')}`);
    },
    SETTLE_MS,
  );
}

/** What each round's plans promise when all that fits is placed, and nothing more. */
function whole(index: number): readonly Readonly<Record<string, number>>[] {
  const sums = (keys: readonly string[], amount: number) => Object.fromEntries(keys.map((key) => [key, amount]));
  const zones = ['a', 'b'].flatMap((letter) => PAGES.zones.map((_, id) => `${pagesOf(index)}-${letter}/${id}`));
  const ports = ['a', 'b', 'c', 'd'].flatMap((letter) =>
    Object.keys(VFS.ports).flatMap((port) => [`${vfsOf(index)}-${letter}/${port}`]),
  );
  return [sums(zones, PAGES.perZone * PAGES.vmPages), sums(ports, VFS.perNode)];
}

test.each(Array.from({ length: ROUNDS }, (_, index) => index))(
  `round %i: ${PAGES.vms} VMs at the last pages, ${VFS.vms} at the last VFs, ${POOL.vms} at a pool for ${POOL.fit}: all that fit are placed, 0 over-commits`,
  async (index) => {
    const { client } = rig;
    // Nodes of the round to come: by then the extender knows them, late as it is.
    await addRound(index + 1);
    const disked = createDisked(index);
    await pause(Math.random() * 500);
    const creating = Promise.all([
      disked,
      createPods(client, pagesOf(index), PAGES.vms, vmTemplate(pagesOf(index), { 'hugepages-2Mi': '128Mi' }, { hugepages: '2Mi' })),
      createPods(client, vfsOf(index), VFS.vms, vmTemplate(vfsOf(index), { 'example.com/vf': '2' }, { networks: BOND, placement: { sriov: 'require' } })),
    ]);
    await faults(index);
    await creating;
    const both = [await settled(pagesOf(index), PAGES.fit), await settled(vfsOf(index), VFS.fit)];
    await settled(poolOf(index), POOL.fit);
    expect(both.map(promised)).toMatchObject(whole(index));
    expect(poolNow(index)).toEqual({ refused: [], left: POOL.left });
    if (index === 0) return;
    // A round later, and with all that has happened since, nothing more has been promised.
    const before = [await podsOf(client, pagesOf(index - 1)), await podsOf(client, vfsOf(index - 1))];
    expect(before.map(promised)).toMatchObject(whole(index - 1));
    expect(poolNow(index - 1)).toEqual({ refused: [], left: POOL.left });
    await fakes[index - 1]?.stop();
    for (const name of [pagesOf, vfsOf, poolOf]) await removeRound(client, name(index - 1));
  },
  240_000,
); // prettier-ignore

test('the reason a person reads names zones, figures and what is needed', async () => {
  const [pod] = (await podsOf(rig.client, pagesOf(ROUNDS - 1))).filter(({ spec }) => spec.nodeName === undefined);
  expect(pod && waitingReason(pod)).toMatch(
    /2 zone 0 has 32, zone 1 has 32 and zone 2 has 32 free 2Mi pages, guest needs 64 in one zone/,
  );
});
