import { expect } from '@jest/globals';
import { eventually } from '../build/eventually.ts';
import { apply } from './harness/kubectl.ts';
import { vmPod } from './harness/objects.ts';
import { condition, deletePod, events, getPod, waitReady } from './harness/vm.ts';
import { useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-macs');
const MAC = '02:00:00:00:56:78';
const CONDITION = 'podvisor.dev/mac-unique';

const attachment = {
  apiVersion: 'k8s.cni.cncf.io/v1',
  kind: 'NetworkAttachmentDefinition',
  metadata: { name: 'green' },
  spec: { config: JSON.stringify({ cniVersion: '1.0.0', name: 'green', type: 'bridge', bridge: 'br-green', ipam: {} }) },
};

const reported = (name: string, status: string): Promise<string> =>
  eventually(`${name} says ${status}`, async () => {
    const found = condition(await getPod(ns, name), CONDITION);
    return found?.status === status ? (found.message ?? '') : undefined;
  });

vmTest('two VMs with one MAC on one network run, and say so, until one of them goes', ns, async () => {
  const vm = (name: string, mac: string): object =>
    vmPod(name, { annotations: { 'k8s.v1.cni.cncf.io/networks': JSON.stringify([{ name: 'green', namespace: ns, mac }]) } });
  await apply(ns, attachment, vm('one', MAC), vm('two', MAC), vm('other', '02:00:00:00:56:79'));
  for (const name of ['one', 'two', 'other']) await waitReady(ns, name);
  expect(await reported('one', 'False')).toContain(`MAC ${MAC} on network ${ns}/green is also that of pod ${ns}/two`);
  expect(await reported('two', 'False')).toContain(`${ns}/one`);
  await eventually('an Event on each', async () => {
    const texts = [await events(ns, 'one'), await events(ns, 'two')];
    return texts.every((lines) => lines.some((line) => line.startsWith('MacCollision: ')));
  });
  expect(condition(await getPod(ns, 'other'), CONDITION)).toBeUndefined();
  await deletePod(ns, 'one');
  await reported('two', 'True');
  await deletePod(ns, 'two');
  await deletePod(ns, 'other');
});
