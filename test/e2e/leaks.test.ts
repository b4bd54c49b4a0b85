import { expect } from '@jest/globals';
import { apply } from './harness/kubectl.ts';
import { eventually } from '../build/eventually.ts';
import { vmPod } from './harness/objects.ts';
import { clusterInventory, nodeInventory, type Inventory } from './harness/inventory.ts';
import { deletePod, waitReady } from './harness/vm.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';

const ns = useNamespace('e2e-leaks');
const rounds = Number(process.env['PODVISOR_LEAK_ROUNDS'] ?? 6);
const lanes = 3;

async function inventory(): Promise<Inventory> {
  const [one, two, cluster] = await Promise.all([nodeInventory('node1'), nodeInventory('node2'), clusterInventory()]);
  const named = (prefix: string, part: Inventory): Inventory =>
    Object.fromEntries(Object.entries(part).map(([key, lines]) => [`${prefix} ${key}`, lines]));
  return { ...named('node1', one), ...named('node2', two), ...named('cluster', cluster) };
}

async function lane(index: number): Promise<void> {
  for (let round = index; round < rounds; round += lanes) {
    const name = `round-${round}`;
    await apply(ns, vmPod(name, { pod: { terminationGracePeriodSeconds: 15 } }));
    // Some guests are deleted while they boot, some by force: these paths leak first.
    if (round % 3 !== 0) await waitReady(ns, name, 180);
    await deletePod(ns, name, ...(round % 3 === 2 ? ['--force', '--grace-period=0'] : []));
  }
}

localVmTest(
  `${rounds} rounds of create and delete leave the nodes as they were`,
  ns,
  async () => {
    await apply(ns, vmPod('warm-up'));
    await waitReady(ns, 'warm-up');
    await deletePod(ns, 'warm-up');
    // The agent frees a slot some seconds after its pod is gone (at most about 35, docs/adr/0006).
    await new Promise((resolve) => setTimeout(resolve, 40_000));
    const before = await inventory();
    await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)));
    let after: Inventory = {};
    await eventually(
      'the inventory is what it was',
      async () => {
        after = await inventory();
        return JSON.stringify(after) === JSON.stringify(before);
      },
      120_000,
    ).catch(() => undefined);
    expect(after).toEqual(before);
  },
  rounds * 30_000 + 300_000,
);
