import { expect } from '@jest/globals';
import { createKubeClient, type HttpKubeClient } from '../../kube/http-client.ts';
import { connectKubeconfig } from '../../kube/connection.ts';
import { eventually } from '../build/eventually.ts';
import './harness/environment.ts';
import { dryRun, getJson, kubectl, tryKubectl } from './harness/kubectl.ts';
import { component } from './harness/local.ts';
import { vmPod } from './harness/objects.ts';
import { localVmTest, useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-availability');
const WEBHOOK = ['deployment/podvisor-webhook', '-n', 'podvisor-system'];
const ROLLED_OUT = ['rollout', 'status', ...WEBHOOK, '--timeout=120s'];

const webhookPods = async (): Promise<readonly { name: string; node: string }[]> => {
  const selector = ['-n', 'podvisor-system', '-l', 'app.kubernetes.io/name=podvisor-webhook'];
  const list = await getJson<{ items: { metadata: { name: string; deletionTimestamp?: string }; spec: { nodeName: string } }[] }>(
    ['pods', ...selector],
  );
  const living = list.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return living.map(({ metadata, spec }) => ({ name: metadata.name, node: spec.nodeName }));
};

/** Creates VM pods (dry run) at 20/s until `during` is over; why any was refused. */
async function createsDuring(during: () => Promise<void>): Promise<{ count: number; refusals: string[] }> {
  const client: HttpKubeClient = createKubeClient(await connectKubeconfig(process.env['KUBECONFIG'] ?? ''));
  const refusals: string[] = [];
  const pending: Promise<unknown>[] = [];
  const load = { on: true };
  const work = during().finally(() => (load.on = false));
  for (let round = 0; load.on; round++) {
    const pod = vmPod(`load-${round}`);
    pending.push(
      client
        .create(`/api/v1/namespaces/${ns}/pods`, pod, { dryRun: 'All' })
        .catch((error: unknown) => refusals.push((error as Error).message)),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await work;
  await Promise.all(pending);
  client.close();
  return { count: pending.length, refusals };
}

vmTest('W23: the webhook is rolled over during 20 creates a second: none fails', ns, async () => {
  await kubectl(ROLLED_OUT, { timeoutMs: 130_000 });
  const { count, refusals } = await createsDuring(async () => {
    await kubectl(['rollout', 'restart', ...WEBHOOK]);
    await kubectl(ROLLED_OUT, { timeoutMs: 130_000 });
    // The old replicas drain after the new ones are ready.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
  });
  console.log(`W23: ${count} creates during a rolling update, ${refusals.length} refused`);
  expect(refusals).toEqual([]);
});

vmTest(
  'W24: the node that has both replicas is drained during creates: the disruption budget keeps one, none fails',
  ns,
  async () => {
    const [first] = await webhookPods();
    const nodes = (await getJson<{ items: { metadata: { name: string } }[] }>(['nodes'])).items.map(
      ({ metadata }) => metadata.name,
    );
    const others = nodes.filter((node) => node !== first!.node);
    await kubectl(['cordon', ...others]);
    try {
      for (const { name } of (await webhookPods()).filter(({ node }) => node !== first!.node))
        await kubectl(['delete', 'pod', name, '-n', 'podvisor-system']);
      await kubectl(ROLLED_OUT, { timeoutMs: 130_000 });
      expect(new Set((await webhookPods()).map(({ node }) => node))).toEqual(new Set([first!.node]));
      await kubectl(['uncordon', ...others]);
      const { count, refusals } = await createsDuring(async () => {
        const drain = ['drain', first!.node, '--pod-selector=app.kubernetes.io/name=podvisor-webhook', '--timeout=120s'];
        await kubectl(drain, { timeoutMs: 130_000 });
      });
      console.log(`W24: ${count} creates during the drain, ${refusals.length} refused`);
      expect(refusals).toEqual([]);
      expect((await webhookPods()).filter(({ node }) => node === first!.node)).toEqual([]);
    } finally {
      await kubectl(['uncordon', ...nodes]);
    }
    await kubectl(ROLLED_OUT, { timeoutMs: 130_000 });
  },
);

localVmTest(
  'W7: a cold start with the stored configuration: nodes are Ready and VM pods are admitted, without a manual step',
  ns,
  async () => {
    const parts = ['node1/kubelet', 'node2/kubelet', 'kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd'];
    await component('stop', 'node1/kubelet');
    await component('stop', 'node2/kubelet');
    // So that no webhook is there when the API server comes back: the kubelets are gone, nobody starts them again.
    const flags = ['--force', '--grace-period=0', '--wait=false'];
    await kubectl(['delete', 'pods', '-n', 'podvisor-system', '-l', 'app.kubernetes.io/name=podvisor-webhook', ...flags]);
    for (const part of parts.slice(2)) await component('stop', part);
    for (const part of parts.toReversed()) await component('start', part);
    await eventually(
      'nodes Ready',
      async () => (await tryKubectl(['wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=30s'])).code === 0,
      120_000,
    );
    await kubectl(ROLLED_OUT, { timeoutMs: 130_000 });
    await eventually('VM pods are admitted', async () => (await dryRun(ns, vmPod('after-cold-start'))).code === 0, 60_000);
  },
  400_000,
);
