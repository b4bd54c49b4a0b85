import { policy } from '../../test/build/policy.ts';
import { createPolicyMetrics } from '../../webhooks/policy/metrics.ts';
import { createUsage } from '../../webhooks/policy/usage.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { selectPolicies } from '../../policy/select.ts';
import type { Policing } from '../../webhooks/server/app.ts';

/** As many as this are for the benchmark's namespace, the others for others: nobody has a hundred policies for one pod. */
const APPLY = 10;
const NAMESPACE = { name: 'bench', labels: { team: 'bench' } };

/** `count` policies of the usual kinds, each with bounds, lists, an image pattern and a CEL rule. Facts as webhooks/policy/store.ts gathers them. */
export function benchPolicies(count: number): Policing | undefined {
  if (count === 0) return undefined;
  const all = Array.from({ length: count }, (_, index) =>
    policy(`p${index}`, {
      namespaceSelector: { matchLabels: { team: index < APPLY ? 'bench' : `team-${index}` } },
      guest: { vcpus: { maximum: 16 }, memory: { minimum: '64Mi', maximum: '64Gi' }, firmware: { allowed: ['bios', 'uefi'] } },
      images: { allowed: ['localhost/podvisor/**', 'registry.example.com/**'] },
      rules: [{ name: 'size', expression: 'guest.vcpus <= 16 && pod.spec.containers.size() < 10', message: 'too large' }],
    }),
  );
  const usage = createUsage();
  const counted = createPolicyMetrics(createMetrics('policies'));
  return {
    policies: () => all,
    gather: ({ object, user, namespace }) => {
      const selected = selectPolicies(
        { namespace: NAMESPACE, labels: object.metadata.labels ?? {}, user },
        all,
        performance.now(),
      );
      return Promise.resolve({ selected, namespace: NAMESPACE, usage: usage.inNamespace(namespace, '', performance.now()) });
    },
    decided: (_request, { verdict }) => {
      if (verdict !== undefined) counted(verdict);
    },
  };
}
