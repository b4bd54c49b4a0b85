import type { KubeClient } from '../../../kube/client.ts';
import { PODS, type StoredPod } from './objects.ts';

/** What a kubelet says of a pod that was bound to its node: '' = it takes it, else the reason of its refusal. */
export type Admit = (pod: StoredPod) => string;

/** Stands for the kubelets of all nodes: speaks of each bound pod once, as a real one does, and runs nothing. */
export function startFakeKubelets(client: KubeClient, admit: Admit): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const spoken = new Set<string>();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const { items } = await client.get<{ items: readonly StoredPod[] }>(PODS, { fieldSelector: 'spec.nodeName!=' });
      const silent = items.filter(({ metadata }) => !spoken.has(metadata.uid ?? ''));
      for (const { metadata } of silent) spoken.add(metadata.uid ?? '');
      await Promise.all(silent.map((pod) => speak(client, pod, admit(pod)).catch(() => undefined)));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const done = loop();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await done;
  };
  return { stop };
}

/** Fields as the kubelet's status manager writes them (Kubernetes: pkg/kubelet/kubelet.go rejectPod, status/status_manager.go). */
async function speak(client: KubeClient, { metadata }: StoredPod, reason: string): Promise<void> {
  const startTime = new Date().toISOString().replace(/\.\d+Z/, 'Z');
  const refused = { phase: 'Failed', reason, message: `Pod was rejected: ${reason}`, startTime };
  const status = reason === '' ? { phase: 'Pending', startTime } : refused;
  await client.patch(`${PODS}/${metadata.name}`, { type: 'merge', body: { status }, subresource: 'status' });
}
