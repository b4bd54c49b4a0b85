import { afterAll, expect } from '@jest/globals';
import type { Pod } from '../../api/pod.ts';
import { eventually } from '../build/eventually.ts';
import { dryRun, getJson, kubectl } from './harness/kubectl.ts';
import { vmPod } from './harness/objects.ts';
import { useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-policy');
const FILE = new URL('../../examples/policies/01-small-vms.yaml', import.meta.url).pathname;

afterAll(async () => {
  await kubectl(['delete', '-f', FILE, '--ignore-not-found']);
});

/** The installed webhook with its own RBAC, the CRD as `kubectl apply -k` brings it. */
vmTest('a policy that is applied refuses, defaults, and counts the VM that runs', ns, async () => {
  await kubectl(['label', 'namespace', ns, 'stage=lab']);
  await kubectl(['apply', '-f', FILE]);
  const large = vmPod('large', { guest: { resources: { limits: { cpu: '8', memory: '16Gi' } } } });
  const refused = await eventually('the refusal', async () => {
    const answer = await dryRun(ns, large);
    return answer.code === 0 ? undefined : answer.stderr;
  });
  expect(refused).toContain(
    `limits.memory: "16Gi": is 16Gi; allowed: at least 64Mi, at most 8Gi (policy 'small-vms': ask lab@example.com`,
  );
  expect(refused).toContain('limits.cpu: "8": is 8; allowed: at least 1, at most 4');
  const small = JSON.stringify(vmPod('small', { guest: { resources: {} } }));
  await kubectl(['create', '-n', ns, '-f', '-'], { input: small });
  const stored = await getJson<Pod>(['pod', 'small', '-n', ns]);
  expect(stored.metadata.annotations).toMatchObject({ 'podvisor.dev/policy-defaults': 'vcpus=small-vms,memory=small-vms' });
  await kubectl(['wait', '-n', ns, 'pod/small', '--for=condition=Ready', '--timeout=120s']);
  await eventually('the status', async () => {
    const { status } = await getJson<{ status?: { matching?: number; violating?: number } }>(['vmpolicy', 'small-vms']);
    return status?.matching === 1 && status.violating === 0;
  });
});
