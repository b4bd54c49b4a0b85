import { policyObject } from './policy.ts';

/**
 * Policies for benchmarks: `count` different ones that all match every pod and none of which objects to {@link vmPod} or defaults anything
 * it says. Every third has a rule in CEL, every fifth a namespace limit, all have bounds, image patterns and networks.
 */
export function manyPolicies(count: number): object[] {
  return Array.from({ length: count }, (_, index) =>
    policyObject(`policy-${index}`, {
      priority: index,
      message: 'ask platform@example.com',
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: [`other-${index}`] }],
      },
      guest: {
        vcpus: { minimum: 1, default: 1, maximum: 64 + index },
        memory: { minimum: '64Mi', default: '1Gi', maximum: '64Gi' },
        accelerator: { allowed: ['kvm', 'tcg'] },
        cpuModel: { allowed: ['max', 'host', 'Skylake-*', 'EPYC*'] },
      },
      images: {
        allowed: [`registry-${index}.example.com/**`, 'localhost/podvisor/**'],
        forbidden: [`localhost/evil-${index}/*`],
      },
      networks: { allowed: ['pod', `net-${index}/*`] },
      ...(index % 5 === 0 ? { limits: { vms: 10_000, memory: '1Pi' } } : {}),
      ...(index % 3 === 0
        ? { rules: [{ name: 'even', expression: `guest.vcpus <= ${64 + index} && pod.spec.containers.all(c, c.image != 'x')` }] }
        : {}),
    }),
  );
}
